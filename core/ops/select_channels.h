#pragma once

#include <cstdint>
#include <span>

#include "core/tensor.h"

namespace quench {

/// Channels of [N, C] or [N, C, H, W] by their numbers, in the order of these: a slice, a shuffle, any
/// of them more than once.
/// @throws std::invalid_argument  for another rank, no channels, or a number outside 0..C-1
Tensor select_channels(const Tensor& x, std::span<const std::int64_t> channels);

/// Each gradient added to the channel that it came from.
/// @param input  the shape of x
Tensor select_channels_backward(const Tensor& grad_output, std::span<const std::int64_t> channels,
                                const Shape& input);

}  // namespace quench
