#pragma once

#include <string>
#include <vector>

/// Sound ONNX files, each of a few nodes.
std::vector<std::string> onnx_seeds();
/// Files of whole networks.
std::vector<std::string> onnx_network_seeds();
