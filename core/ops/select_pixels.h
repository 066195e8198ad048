#pragma once

#include <cstdint>
#include <span>

#include "core/tensor.h"

namespace quench {

/// Selects rows and columns of [N, C, H, W] by index, in the given order; repeats are allowed.
/// Covers strided slices, edge and reflection padding, and nearest-neighbour resizing.
/// @throws std::invalid_argument  for another rank, no rows or columns, or an index outside x
Tensor select_pixels(const Tensor& x, std::span<const std::int64_t> rows,
                     std::span<const std::int64_t> columns);

/// Adds each gradient to its source pixel, row by row.
/// @param input  the shape of x
Tensor select_pixels_backward(const Tensor& grad_output, std::span<const std::int64_t> rows,
                              std::span<const std::int64_t> columns, const Shape& input);

}  // namespace quench
