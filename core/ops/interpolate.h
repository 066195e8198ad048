#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/tensor.h"

namespace quench {

/// A row or column between two of an image: (1 - weight) * first + weight * second.
struct Between {
  std::int64_t first = 0, second = 0;
  float weight = 0.0f;
};

/// Rows and columns that lie between those of [N, C, H, W]: bilinear resizing.
/// @throws std::invalid_argument  for another rank, no rows or columns, or a number that x does not have
Tensor interpolate(const Tensor& x, std::span<const Between> rows,
                   std::span<const Between> columns);

/// Each gradient added to the four pixels that it came from, with their weights.
/// @param input  the shape of x
Tensor interpolate_backward(const Tensor& grad_output, std::span<const Between> rows,
                            std::span<const Between> columns, const Shape& input);

}  // namespace quench
