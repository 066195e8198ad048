#pragma once

// Private to the folder: operations on constants as arrays of any rank.

#include <cstdint>
#include <limits>
#include <span>
#include <type_traits>
#include <vector>

#include "onnx/import/attributes.h"
#include "onnx/import/constants.h"

namespace quench::onnx {

using Dims = std::vector<std::int64_t>;

bool has_input(const Constants& inputs, std::size_t i);
/// @throws std::invalid_argument  if the input is missing
const OnnxTensor& input(const Constants& inputs, std::size_t i);

/// @throws std::invalid_argument  for more than 64 sizes, axes or indices, which no tensor has
void require_few(const Dims& sizes);
/// The integers of a short list.
Dims few(const OnnxTensor& tensor);
/// The axis counted from 0. @throws std::invalid_argument  "axis: expected -4 to 3, got 5"
std::size_t axis_of(std::int64_t axis, std::size_t rank);
/// The axes of a node, from an input or an attribute, counted from 0 and sorted.
Dims axes_of(const AxesAttributes& attributes, const Constants& inputs, std::size_t rank);

/// Whether the type has 8 bits or fewer.
constexpr bool is_code(OnnxType type) { return type != OnnxType::f32 && type != OnnxType::s64; }
std::size_t element_bytes(OnnxType type);
/// The integers or codes of a tensor.
Dims any_integers(const OnnxTensor& tensor);
/// The tensor's only integer. @throws std::invalid_argument  if it has several
std::int64_t only_integer(const OnnxTensor& tensor);
/// A tensor of 8-bit or 4-bit codes, whose type must hold them.
OnnxTensor codes_of(OnnxType type, Dims dims, const Dims& values);
std::int64_t elements_of(const OnnxTensor& tensor);

/// The number of elements of a new array. Sizes from a file are untrusted.
/// @throws std::invalid_argument  for dims below 0, or more elements than both 2^22 and `most`
std::int64_t count_of(const Dims& dims, std::int64_t most = 0);
/// The stride of each axis, in elements.
Dims strides_of(const Dims& dims);
/// The dims to which both broadcast. @throws std::invalid_argument  if they do not
Dims broadcast(const Dims& a, const Dims& b);
/// The array repeated along the axes where it has size 1 and `dims` has more.
/// @param most  largest number of elements, see count_of()
OnnxTensor expanded(const OnnxTensor& tensor, const Dims& dims, std::int64_t most = 0);
/// @throws std::invalid_argument  if the number of elements differs
OnnxTensor with_dims(const OnnxTensor& tensor, Dims dims);

/// One axis of a strided view: the number of elements, the first index and the stride in the
/// source.
struct Walk {
  std::int64_t size, start, step;
};
/// Copies a strided view of `from`, outermost axis first; starts and steps are in elements.
/// @param most  largest number of elements, see count_of(); at least that of `from`
OnnxTensor walked(const OnnxTensor& from, const std::vector<Walk>& walks, std::int64_t most = 0);

template <typename T>
OnnxTensor tensor_of(const Dims& dims, const std::vector<T>& values) {
  static_assert(std::is_same_v<T, float> || std::is_same_v<T, std::int64_t>);
  const auto bytes = std::as_bytes(std::span(values));
  return {.name = {},
          .type = std::is_same_v<T, float> ? OnnxType::f32 : OnnxType::s64,
          .dims = dims,
          .bytes = std::vector<std::byte>(bytes.begin(), bytes.end())};
}

}  // namespace quench::onnx
