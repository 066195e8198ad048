#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "core/ops/pool.h"
#include "core/parallel.h"
#include "deploy/network/integer_network.h"

// Iteration over the pixels of an image.

namespace quench::deploy {

/// Calls body(first, count) on strips of at most `strip` of `count` positions, in parallel.
template <typename Body>
void for_each_strip(std::int64_t count, std::int64_t strip, Body body) {
  const std::int64_t strips = (count + strip - 1) / strip;
  parallel_for(strips, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t s = begin; s < end; ++s) body(s * strip, std::min(strip, count - s * strip));
  });
}

/// XOR masks per channel, so that one search for the largest byte serves both kinds: 255 where the
/// smallest code is taken, whose complement is the largest.
inline std::vector<std::uint8_t> flips_of(const std::vector<std::uint8_t>& smallest,
                                          std::int64_t channels) {
  std::vector<std::uint8_t> flips(static_cast<std::size_t>(channels));
  for (std::size_t c = 0; c < smallest.size(); ++c) flips[c] = smallest[c] != 0 ? 255 : 0;
  return flips;
}

/// The windows of a pool over one image of a value.
struct Pooling {
  Pooling(const Value& input, const Value& output, const Window2d& window)
      : geometry({1, input.channels, input.height, input.width},
                 {1, output.channels, output.height, output.width}, window) {}

  /// Calls visit(pixel) for the pixels of window `place` inside the image; returns their number.
  template <typename Visit>
  std::int64_t for_each_pixel(std::int64_t place, Visit visit) const {
    const WindowView view(geometry, place / geometry.out_width, place % geometry.out_width);
    for (std::int64_t y = view.y0; y < view.y1; ++y)
      for (std::int64_t x = view.x0; x < view.x1; ++x) visit(y * geometry.width + x);
    return view.pixels();
  }
  std::int64_t places() const { return geometry.out_height * geometry.out_width; }

  PoolGeometry geometry;
};

}  // namespace quench::deploy
