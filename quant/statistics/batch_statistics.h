#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "core/tensor.h"
#include "quant/statistics/moments.h"
#include "quant/statistics/value_range.h"

namespace quench::quant {

// Activation statistics over the whole batch. If several ranks train together
// (core/communicator.h), the batch is that of all ranks, so that all get the same grid as one
// process with all images; the calls are collective. Weights are the same on every rank, so their
// statistics are local: quant/statistics/value_range.h.

/// The extent of the batch's values; `x` is this rank's part.
Extent batch_extent(std::span<const float> x);
/// @throws std::invalid_argument  if the batch contains NaN or infinity on any rank, or `x` is
///                                empty; the message starts with `who`
Extent finite_batch_extent(const Tensor& x, std::string_view who);

/// Mean of |x| over the batch. @throws as finite_batch_extent()
double batch_mean_abs(const Tensor& x, std::string_view who);

/// Mean and deviation of the batch. @throws as finite_batch_extent()
Moments batch_moments(const Tensor& x, std::string_view who);

/// The size of a batch, and the offset of this rank's part in it: for sampling at a fixed stride,
/// or for a stream of random numbers.
struct BatchPlace {
  std::int64_t size = 0;
  std::int64_t first = 0;

  explicit BatchPlace(std::int64_t own_size);
  /// The first local index whose index in the batch is a multiple of `stride`.
  std::int64_t first_multiple(std::int64_t stride) const {
    return (stride - first % stride) % stride;
  }
};

}  // namespace quench::quant
