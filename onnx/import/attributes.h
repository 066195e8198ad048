#pragma once

// Private to the folder: what stands in a node's attributes, by name and type.

#include <cstdint>
#include <string>
#include <vector>

#include "onnx/file/model.h"

namespace quench::onnx_network {

/// What messages call a node.
inline const std::string& name_of(const OnnxNode& node) {
  return node.name.empty() ? node.output : node.name;
}

/// Each gives `fallback` where the attribute is left out.
/// @throws std::invalid_argument  for one of another type, naming it
std::int64_t attribute(const OnnxNode& node, const char* name, std::int64_t fallback);
float attribute(const OnnxNode& node, const char* name, float fallback);
std::string attribute(const OnnxNode& node, const char* name, const std::string& fallback);
std::vector<std::int64_t> attribute(const OnnxNode& node, const char* name,
                                    const std::vector<std::int64_t>& fallback);

/// The numbers of a constant. @throws std::invalid_argument  for one of another type, naming it
std::vector<float> floats(const OnnxTensor& tensor);
std::vector<std::int64_t> integers(const OnnxTensor& tensor);
OnnxTensor integer_tensor(std::vector<std::int64_t> dims, const std::vector<std::int64_t>& values);

/// "[64, 3, 7, 7]"
std::string dims_text(const std::vector<std::int64_t>& dims);

}  // namespace quench::onnx_network
