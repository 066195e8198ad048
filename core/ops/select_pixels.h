#pragma once

#include <cstdint>
#include <span>

#include "core/tensor.h"

namespace quench {

/// Rows and columns of [N, C, H, W] by their numbers, in the order of these, any of them more than once:
/// a slice with steps, an image mirrored or continued at its edges, nearest-neighbour resizing.
/// @throws std::invalid_argument  for another rank, no rows or columns, or a number that x does not have
Tensor select_pixels(const Tensor& x, std::span<const std::int64_t> rows,
                     std::span<const std::int64_t> columns);

/// Each gradient added to the pixel that it came from, row by row.
/// @param input  the shape of x
Tensor select_pixels_backward(const Tensor& grad_output, std::span<const std::int64_t> rows,
                              std::span<const std::int64_t> columns, const Shape& input);

}  // namespace quench
