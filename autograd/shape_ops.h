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

/// The same memory with another shape, see Tensor::reshape.
Variable reshape(const Variable& x, Shape shape);
/// [N, ...] -> [N, product of the rest]; [N, C, H, W] becomes [N, H*W*C].
Variable flatten(const Variable& x);

/// Repeats one value: [1] -> [count]. The gradients are summed.
/// @throws std::invalid_argument  for another shape or count < 1
Variable expand(const Variable& x, std::int64_t count);

/// Entries [begin, end) of axis 0, sharing memory.
Variable slice(const Variable& x, std::int64_t begin, std::int64_t end);

/// Pads an image with `value`, see core/ops/shape_ops.h.
Variable pad(const Variable& x, const Padding& padding, float value = 0.0f);

/// Removes the rows and columns of `padding` from an image, see core/ops/shape_ops.h.
Variable crop(const Variable& x, const Padding& padding);

/// Selects channels by index, see core/ops/select_channels.h.
Variable select_channels(const Variable& x, const std::vector<std::int64_t>& channels);

/// Repeats each pixel as a block of pixels, see core/ops/upsample.h.
Variable upsample(const Variable& x, std::array<int, 2> factor);

/// Selects rows and columns by index, see core/ops/select_pixels.h.
Variable select_pixels(const Variable& x, const std::vector<std::int64_t>& rows,
                       const std::vector<std::int64_t>& columns);

/// Interpolates rows and columns between those of an image, see core/ops/interpolate.h.
Variable interpolate(const Variable& x, const std::vector<Between>& rows,
                     const std::vector<Between>& columns);

/// Reorders the values of each image, see core/ops/rearrange.h.
Variable rearrange(const Variable& x, const Rearrangement& rearrangement);

/// Joins along axis 0 or the channel axis 1, see core/ops/shape_ops.h.
Variable concat(std::span<const Variable> parts, int axis);

}  // namespace quench
