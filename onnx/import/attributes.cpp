#include "onnx/import/attributes.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "support/error.h"

namespace quench::onnx {
namespace {

template <typename T>
constexpr const char* kTypeName = nullptr;
template <>
constexpr const char* kTypeName<std::int64_t> = "an integer";
template <>
constexpr const char* kTypeName<float> = "a number";
template <>
constexpr const char* kTypeName<std::string> = "a string";
template <>
constexpr const char* kTypeName<Integers> = "a list of integers";
template <>
constexpr const char* kTypeName<std::vector<float>> = "a list of numbers";
template <>
constexpr const char* kTypeName<OnnxTensor> = "a tensor";

}  // namespace

const OnnxAttribute* AttributeReader::find(const char* name) {
  names_.emplace_back(name);
  const auto found = node_.attributes.find(name);
  return found == node_.attributes.end() ? nullptr : &found->second;
}

template <typename T>
void AttributeReader::set(T& member, const OnnxAttribute& given, const char* name) {
  const T* value = std::get_if<T>(&given);
  require(value != nullptr, "attribute {}: expected {}, got another type", name, kTypeName<T>);
  member = *value;
}

template void AttributeReader::set(std::int64_t&, const OnnxAttribute&, const char*);
template void AttributeReader::set(float&, const OnnxAttribute&, const char*);
template void AttributeReader::set(std::string&, const OnnxAttribute&, const char*);
template void AttributeReader::set(Integers&, const OnnxAttribute&, const char*);
template void AttributeReader::set(std::vector<float>&, const OnnxAttribute&, const char*);
template void AttributeReader::set(OnnxTensor&, const OnnxAttribute&, const char*);

void AttributeReader::require_all_read() const {
  for (const auto& [name, value] : node_.attributes) {
    require(std::ranges::find(names_, name) != names_.end(),
            "attribute {}: not supported for this operator (supported: {})", name,
            names_.empty() ? "none" : fmt::format("{}", fmt::join(names_, ", ")));
  }
}

}  // namespace quench::onnx
