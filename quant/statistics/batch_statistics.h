#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "core/tensor.h"
#include "quant/statistics/moments.h"
#include "quant/statistics/value_range.h"

namespace quench::quant {

// What an activation held, for the quantizers that follow it: of the whole batch. Where several ranks
// train together (core/communicator.h) that is the images of all of them, so that all come to the grid
// of one process with these images; the calls are collective. A weight is the same on every rank, which
// finds out by itself: quant/statistics/value_range.h.

/// How far the values of the batch reach; `x` has those of this rank.
Extent batch_extent(std::span<const float> x);
/// @throws std::invalid_argument  if the batch holds NaN or infinity, on any rank, or `x` is empty; the
///                                message starts with `who`
Extent finite_batch_extent(const Tensor& x, std::string_view who);

/// Mean of |x| over the batch. @throws as finite_batch_extent()
double batch_mean_abs(const Tensor& x, std::string_view who);

/// Mean and deviation of the batch. @throws as finite_batch_extent()
Moments batch_moments(const Tensor& x, std::string_view who);

/// How many elements the batch has that `x` is this rank's part of, and the place of its first one
/// among them: in a sample at a fixed stride, in a stream of random numbers.
struct BatchPlace {
  std::int64_t size = 0;
  std::int64_t first = 0;

  explicit BatchPlace(std::int64_t own_size);
  /// The first element of this rank, counted from its own, that is a multiple of `stride` in the batch.
  std::int64_t first_multiple(std::int64_t stride) const {
    return (stride - first % stride) % stride;
  }
};

}  // namespace quench::quant
