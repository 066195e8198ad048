#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "core/tensor.h"

namespace quench {

// Reductions of f32 tensors. Partial results belong to fixed pieces of the input and are combined
// in order, so results are deterministic and do not depend on the number of threads.

/// Accumulated in double; 0 for an empty tensor.
double sum(const Tensor& x);
/// @throws std::invalid_argument  if there are no elements
double mean(const Tensor& x);

/// The largest |x|; 0 for an empty tensor. NaN is ignored.
float max_abs(const Tensor& x);

struct MinMax {
  float min;
  float max;
};
/// NaN is ignored; [inf, -inf] if there are only NaN.
/// @throws std::invalid_argument  if there are no elements
MinMax min_max(const Tensor& x);

/// [N, C] or [N, C, H, W] -> [C], accumulated in double: the gradient of a bias.
/// @throws std::invalid_argument  for another rank
Tensor sum_per_channel(const Tensor& x);

/// [N, C, H, W] -> [N, C, 1, 1], accumulated in double: the gradient of multiply_per_map() with
/// respect to its factor.
/// @throws std::invalid_argument  for another rank
Tensor sum_per_map(const Tensor& x);

/// [O, ...] -> [O], accumulated in double. @throws std::invalid_argument  for rank 0
Tensor sum_per_slice(const Tensor& x);

/// [N, C] -> s32 [N]: the index of each row's largest value, the first of equal ones. NaN is
/// ignored.
/// @throws std::invalid_argument  for another rank or C = 0
Tensor argmax(const Tensor& x);

/// Whether no element is NaN or infinite.
bool all_finite(const Tensor& x);

/// The first NaN or infinity in row-major order, with its position: "nan at [0, 2, 1, 1]"; empty if
/// all values are finite.
/// @param sizes  the shape of the tensor that holds `values`
std::string first_non_finite(std::span<const float> values, std::span<const std::int64_t> sizes);
/// The same; tensors of other types than f32 count as finite.
std::string first_non_finite(const Tensor& tensor);

}  // namespace quench
