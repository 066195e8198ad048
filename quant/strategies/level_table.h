#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

namespace quench::quant {

/// Rounds to levels as grid.h defines it, the upper level on ties, by one look-up whatever their
/// number: integer levels lie apart by whole steps, so what is nearest changes only at multiples of
/// half a step. A search would not vectorize.
class LevelTable {
 public:
  /// @param levels  ascending, at least one
  explicit LevelTable(std::span<const std::int32_t> levels)
      : low_(static_cast<float>(levels.front())), high_(static_cast<float>(levels.back())) {
    std::size_t at = 0;
    for (std::int32_t half = 2 * levels.front(); half <= 2 * levels.back(); ++half) {
      while (at + 1 < levels.size() && levels[at] + levels[at + 1] <= half) ++at;
      nearest_.push_back(static_cast<float>(levels[at]));
    }
  }

  /// What a loop copies; valid as long as the table lives.
  struct View {
    const float* nearest;
    float low, high;

    /// @param steps  the value in units of a step; NaN becomes the level nearest to 0
    float operator()(float steps) const {
      const float number = steps == steps ? steps : 0.0f;
      const float clipped = number < low ? low : (number > high ? high : number);
      return nearest[static_cast<std::int32_t>(std::floor(2.0f * clipped) - 2.0f * low)];
    }
  };
  View view() const { return {nearest_.data(), low_, high_}; }

 private:
  float low_, high_;
  std::vector<float> nearest_;  ///< at 2 * low + i half steps
};

}  // namespace quench::quant
