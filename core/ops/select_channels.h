#pragma once

#include <cstdint>
#include <span>

#include "core/tensor.h"

namespace quench {

/// Selects channels of [N, C] or [N, C, H, W] by index, in the given order: a slice, a shuffle;
/// repeats are allowed.
/// @throws std::invalid_argument  for another rank, no channels, or an index outside 0..C-1
Tensor select_channels(const Tensor& x, std::span<const std::int64_t> channels);

/// Adds each gradient to its source channel.
/// @param input  the shape of x
Tensor select_channels_backward(const Tensor& grad_output, std::span<const std::int64_t> channels,
                                const Shape& input);

}  // namespace quench
