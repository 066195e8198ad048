#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "core/element_source.h"
#include "core/parallel.h"

namespace quench::quant {

// Sums that vectorize and run in parallel, in an order that depends only on the shape.

/// term(0) + ... + term(count - 1), in float or double, in 16 lanes: a single sum would not
/// vectorize, and the order depends only on `count`.
template <typename Sum, typename Term>
Sum lane_sum(std::int64_t count, Term term) {
  constexpr std::int64_t kLanes = 16;
  std::array<Sum, kLanes> lanes{};
  Sum* const sums = lanes.data();  // without the bounds check of an index
  std::int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (std::int64_t lane = 0; lane < kLanes; ++lane) sums[lane] += term(i + lane);
  }
  for (; i < count; ++i) sums[0] += term(i);
  Sum total = 0;
  for (const Sum lane : lanes) total += lane;
  return total;
}

/// Pieces of memory, each within one channel and small enough to stay in cache. They depend only on
/// the shape, so sums over them do not depend on the number of threads.
struct Pieces {
  static constexpr std::int64_t kSize = ElementSource::kPiece;

  Pieces(std::int64_t count, std::int64_t channel_count)
      : channels(channel_count),
        slice(count / std::max<std::int64_t>(channel_count, 1)),
        per_channel((slice + kSize - 1) / kSize) {}

  std::int64_t count() const { return channels * per_channel; }
  std::size_t channel(std::int64_t piece) const {
    return static_cast<std::size_t>(piece / per_channel);
  }
  std::int64_t begin(std::int64_t piece) const {
    return piece / per_channel * slice + piece % per_channel * kSize;
  }
  std::int64_t size(std::int64_t piece) const {
    return std::min(kSize, slice - piece % per_channel * kSize);
  }
  /// Calls body(piece) for all pieces, in parallel: `body` must not throw.
  template <typename Body>
  void for_each(Body body) const {
    const std::int64_t length = std::max<std::int64_t>(1, std::min(kSize, slice));
    parallel_for(count(), std::max<std::int64_t>(1, kParallelGrain / length),
                 [&](std::int64_t first, std::int64_t last) {
                   for (std::int64_t piece = first; piece < last; ++piece) body(piece);
                 });
  }
  /// Calls body(begin, end) for the elements of each piece, likewise.
  template <typename Body>
  void for_each_range(Body body) const {
    for_each([&](std::int64_t piece) { body(begin(piece), begin(piece) + size(piece)); });
  }

  std::int64_t channels, slice, per_channel;
};

}  // namespace quench::quant
