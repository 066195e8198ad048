#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace quench::models {

/// `channels` of a network of width 1 at another width: rounded to the nearest, at least 1.
inline std::int64_t scaled_channels(std::int64_t channels, double width) {
  return std::max<std::int64_t>(1, std::llround(static_cast<double>(channels) * width));
}

}  // namespace quench::models
