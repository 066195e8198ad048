#pragma once

// Private to the folder: constants as arrays of any rank, of which new ones are made.

#include <cstdint>
#include <limits>
#include <span>
#include <type_traits>
#include <vector>

#include "onnx/import/attributes.h"
#include "onnx/import/constants.h"

namespace quench::onnx_network {

using Dims = std::vector<std::int64_t>;

bool has_input(const Constants& inputs, std::size_t i);
/// @throws std::invalid_argument  if it is left out
const OnnxTensor& input(const Constants& inputs, std::size_t i);

/// @throws std::invalid_argument  for more sizes, axes or places than 64, which no tensor has
void require_few(const Dims& sizes);
/// The integers of a list of them.
Dims few(const OnnxTensor& tensor);
/// "axes: expected -4 to 3, got 5" unless there is such an axis; counted from 0.
std::size_t axis_of(std::int64_t axis, std::size_t rank);
/// The axes that a node names, as an input or an attribute, counted from 0 and sorted.
Dims axes_of(const AxesAttributes& attributes, const Constants& inputs, std::size_t rank);

/// Of 8 bits or fewer.
constexpr bool is_code(OnnxType type) { return type != OnnxType::f32 && type != OnnxType::s64; }
std::size_t element_bytes(OnnxType type);
/// The integers of a tensor of them, or its codes.
Dims any_integers(const OnnxTensor& tensor);
/// The only one. @throws std::invalid_argument  for several
std::int64_t only_integer(const OnnxTensor& tensor);
/// A tensor of 8 or 4 bits of codes that it holds.
OnnxTensor codes_of(OnnxType type, Dims dims, const Dims& values);
std::int64_t elements_of(const OnnxTensor& tensor);

/// The number of elements of an array that is to be made. @throws std::invalid_argument  for dims below 0, and more elements than 2^22
/// and `most`: what a file claims is not believed without end
std::int64_t count_of(const Dims& dims, std::int64_t most = 0);
/// Of each axis, how far apart its neighbours lie.
Dims strides_of(const Dims& dims);
/// The dims that both are broadcast to. @throws std::invalid_argument  if they cannot be
Dims broadcast(const Dims& a, const Dims& b);
/// The array repeated along the axes where it has size 1 and `dims` more.
/// @param most  elements that it may have, as of count_of()
OnnxTensor expanded(const OnnxTensor& tensor, const Dims& dims, std::int64_t most = 0);
/// @throws std::invalid_argument  for another number of elements
OnnxTensor with_dims(const OnnxTensor& tensor, Dims dims);

/// One axis of an array: how many are taken, from which place on, and how far apart in the source.
struct Walk {
  std::int64_t size, start, step;
};
/// The elements of `from` by walks through its axes, outermost first; starts and steps in elements.
/// @param most  elements that there may be, as of count_of(); as many as `from` has in any case
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

}  // namespace quench::onnx_network
