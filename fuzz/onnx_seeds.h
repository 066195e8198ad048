#pragma once

#include <string>
#include <vector>

/// Valid ONNX files with a few nodes each.
std::vector<std::string> onnx_seeds();
/// ONNX files of complete networks.
std::vector<std::string> onnx_network_seeds();
