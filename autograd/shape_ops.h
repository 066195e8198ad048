#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "autograd/variable.h"
#include "core/ops/interpolate.h"
#include "core/ops/rearrange.h"
#include "core/ops/window.h"

namespace quench {

/// The same memory under another shape, see Tensor::reshape.
Variable reshape(const Variable& x, Shape shape);
/// [N, ...] -> [N, everything else]; [N, C, H, W] becomes [N, H*W*C].
Variable flatten(const Variable& x);

/// [1] -> [count], the same number in every place; its gradient is the sum of theirs.
/// @throws std::invalid_argument  for another shape or count < 1
Variable expand(const Variable& x, std::int64_t count);

/// Entries [begin, end) of axis 0, sharing memory.
Variable slice(const Variable& x, std::int64_t begin, std::int64_t end);

/// Fills the padding of an image with `value`, see core/ops/shape_ops.h.
Variable pad(const Variable& x, const Padding& padding, float value = 0.0f);

/// An image without the rows and columns of `padding`, see core/ops/shape_ops.h.
Variable crop(const Variable& x, const Padding& padding);

/// Channels by their numbers, see core/ops/select_channels.h.
Variable select_channels(const Variable& x, const std::vector<std::int64_t>& channels);

/// Each pixel as a block of pixels, see core/ops/upsample.h.
Variable upsample(const Variable& x, std::array<int, 2> factor);

/// Rows and columns by their numbers, see core/ops/select_pixels.h.
Variable select_pixels(const Variable& x, const std::vector<std::int64_t>& rows,
                       const std::vector<std::int64_t>& columns);

/// Rows and columns between those of an image, see core/ops/interpolate.h.
Variable interpolate(const Variable& x, const std::vector<Between>& rows,
                     const std::vector<Between>& columns);

/// The values of each image in another order, see core/ops/rearrange.h.
Variable rearrange(const Variable& x, const Rearrangement& rearrangement);

/// Joins along axis 0 or the channel axis 1, see core/ops/shape_ops.h.
Variable concat(std::span<const Variable> parts, int axis);

}  // namespace quench
