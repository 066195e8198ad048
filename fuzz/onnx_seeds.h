#pragma once

#include <string>
#include <vector>

/// Sound ONNX files, each of a few nodes.
std::vector<std::string> onnx_seeds();
