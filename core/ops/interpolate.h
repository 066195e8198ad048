#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/tensor.h"

namespace quench {

/// A row or column between two rows or columns of an image: (1 - weight) * first + weight * second.
struct Between {
  std::int64_t first = 0, second = 0;
  float weight = 0.0f;
};

/// Rows and columns between those of x [N, C, H, W]: bilinear resizing.
/// @throws std::invalid_argument  for another rank, no rows or columns, or an index outside x
Tensor interpolate(const Tensor& x, std::span<const Between> rows,
                   std::span<const Between> columns);

/// Adds each gradient to the four source pixels, with their weights.
/// @param input  the shape of x
Tensor interpolate_backward(const Tensor& grad_output, std::span<const Between> rows,
                            std::span<const Between> columns, const Shape& input);

}  // namespace quench
