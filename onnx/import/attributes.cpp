#include "onnx/import/attributes.h"

#include <fmt/ranges.h>

#include <cstring>
#include <span>

#include "support/error.h"

namespace quench::onnx_network {
namespace {

template <typename T>
T typed(const OnnxNode& node, const char* name, const T& fallback, const char* type) {
  const auto found = node.attributes.find(name);
  if (found == node.attributes.end()) return fallback;
  const T* value = std::get_if<T>(&found->second);
  require(value != nullptr, "attribute {}: expected {}, got another type", name, type);
  return *value;
}

template <typename T>
std::vector<T> numbers(const OnnxTensor& tensor, OnnxType type, const char* name) {
  require(tensor.type == type, "'{}': expected {}, got another type", tensor.name, name);
  std::vector<T> result(tensor.bytes.size() / sizeof(T));
  if (!result.empty()) std::memcpy(result.data(), tensor.bytes.data(), result.size() * sizeof(T));
  return result;
}

}  // namespace

std::int64_t attribute(const OnnxNode& node, const char* name, std::int64_t fallback) {
  return typed(node, name, fallback, "an integer");
}

float attribute(const OnnxNode& node, const char* name, float fallback) {
  return typed(node, name, fallback, "a number");
}

std::string attribute(const OnnxNode& node, const char* name, const std::string& fallback) {
  return typed(node, name, fallback, "a text");
}

std::vector<std::int64_t> attribute(const OnnxNode& node, const char* name,
                                    const std::vector<std::int64_t>& fallback) {
  return typed(node, name, fallback, "a list of integers");
}

std::vector<float> floats(const OnnxTensor& tensor) {
  return numbers<float>(tensor, OnnxType::f32, "floats");
}

std::vector<std::int64_t> integers(const OnnxTensor& tensor) {
  return numbers<std::int64_t>(tensor, OnnxType::s64, "integers");
}

OnnxTensor integer_tensor(std::vector<std::int64_t> dims, const std::vector<std::int64_t>& values) {
  const auto bytes = std::as_bytes(std::span(values));
  return {.name = {},
          .type = OnnxType::s64,
          .dims = std::move(dims),
          .bytes = {bytes.begin(), bytes.end()}};
}

std::string dims_text(const std::vector<std::int64_t>& dims) {
  return fmt::format("[{}]", fmt::join(dims, ", "));
}

}  // namespace quench::onnx_network
