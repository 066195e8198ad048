#include "onnx/import/constants.h"

#include <fmt/ranges.h>

#include <cstring>
#include <utility>

#include "support/error.h"

namespace quench::onnx {
namespace {

template <typename T>
std::vector<T> numbers(const OnnxTensor& tensor, OnnxType type, const char* name) {
  require(tensor.type == type, "'{}': expected {}, got another type", tensor.name, name);
  std::vector<T> result(tensor.bytes.size() / sizeof(T));
  if (!result.empty()) std::memcpy(result.data(), tensor.bytes.data(), result.size() * sizeof(T));
  return result;
}

}  // namespace

std::vector<float> floats(const OnnxTensor& tensor) {
  return numbers<float>(tensor, OnnxType::f32, "floats");
}

std::vector<std::int64_t> integers(const OnnxTensor& tensor) {
  return numbers<std::int64_t>(tensor, OnnxType::s64, "integers");
}

std::string dims_text(const std::vector<std::int64_t>& dims) {
  return fmt::format("[{}]", fmt::join(dims, ", "));
}

std::vector<float> per_channel(const OnnxTensor& constant, const Value& value) {
  const auto rank = static_cast<std::int64_t>(constant.dims.size());
  const std::int64_t value_rank = value.rank();
  // Broadcasting aligns trailing dims.
  const std::int64_t axis = value.channel_axis() - (value_rank - rank);
  std::vector<float> numbers = floats(constant);
  bool fits = rank <= value_rank;
  for (std::int64_t i = 0; i < rank; ++i)
    fits = fits && (constant.dims[static_cast<std::size_t>(i)] == 1 || i == axis);
  const auto count = static_cast<std::int64_t>(numbers.size());
  fits = fits && (count == 1 || count == value.channels);
  require(fits,
          "constant '{}': expected one value, or one for each of the {} channels of {}, got {}",
          constant.name, value.channels, value.text(), dims_text(constant.dims));
  return count == 1 ? numbers : in_order(value, std::move(numbers));
}

std::optional<std::size_t> axis_of_constant(const OnnxTensor& constant, const Value& value) {
  const std::ptrdiff_t ahead = value.rank() - std::ssize(constant.dims);
  std::optional<std::size_t> axis;
  for (std::size_t i = 0; i < constant.dims.size(); ++i) {
    if (constant.dims[i] == 1) continue;
    if (axis || static_cast<std::ptrdiff_t>(i) + ahead < 1) return std::nullopt;
    axis = static_cast<std::size_t>(static_cast<std::ptrdiff_t>(i) + ahead);
  }
  return axis;
}

bool is_per_place(const OnnxTensor& constant, const Value& value) {
  std::vector<std::int64_t> dims = constant.dims;
  if (std::ssize(dims) == value.rank() && dims[0] == 1) dims.erase(dims.begin());
  return !value.flat() && value.height * value.width > 1 && dims == value.dims();
}

std::vector<float> vector_of(const OnnxTensor& constant, std::int64_t count) {
  std::vector<float> numbers = floats(constant);
  require(constant.dims.size() == 1 && std::ssize(numbers) == count,
          "constant '{}': expected shape [{}], got {}", constant.name, count,
          dims_text(constant.dims));
  return numbers;
}

Tensor to_tensor(const std::vector<float>& numbers) {
  return Tensor::from_row_major({std::ssize(numbers)}, numbers);
}

}  // namespace quench::onnx
