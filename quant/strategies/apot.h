#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "quant/strategy.h"

namespace quench::quant {

/// Rounds to levels as defined in grid.h (the upper level on ties), by one table look-up for any
/// number of levels: levels are integers, so the nearest one changes only at multiples of half a
/// step. A search would not vectorize.
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

  /// Copied into loops; valid as long as the table lives.
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

/// "apot": additive powers of two (Li et al. 2020, arXiv:1909.13144). The levels are sums of a few
/// powers of two (apot_levels()), dense near 0; values are clipped at a trained alpha ("alpha").
///
/// Activations, 2 to 5 bits, with top = the largest level:
///   f(x) = alpha / top * level nearest to x / (alpha / top)
///   dL/dx     = g inside the range of the levels, else 0
///   dL/dalpha = sum of g (f(x) - x) / alpha inside, +-g beyond (the paper's reparameterized
///               clipping)
/// The levels are unsigned; or, if values can be negative, a sign bit and the levels of b - 1 bits.
///
/// Weights, 2 to 6 bits, per tensor: signed levels of w' = (w - mean) / deviation, both over the
/// tensor and constant in the gradient (section 2.3). The result is multiplied by the deviation,
/// which the paper leaves to batch norm: with batch norm the network is the same, and without it a
/// float checkpoint keeps its magnitude. dL/dw = g, even beyond alpha, as in the authors' code. The
/// mean is not added back, so the integers are those nearest to w - mean.
///
/// With more bits, levels do not fit into 8-bit codes: 448 with 6 bits of magnitude.
///
/// Settings [quant.apot], with their defaults:
///   weight_alpha = 3.0        initial alpha, in standard deviations; > 0
///   normalize = "mean_std"    or "std": the mean is not subtracted
///   alpha = 8.0               initial alpha of activations; > 0
///   init = "constant"         or "max": alpha starts at the first batch's largest |value|
///   act_grid = "auto"         quant/parts/activation_grid.h; the levels of both signed forms are the same
Strategy apot_strategy();

/// The 2^bits unsigned levels, in units of the smallest power: bits / 2 terms, each 0 or one of
/// three powers, plus, for odd bits, one term that is 0 or one power. The powers are dealt out to
/// the terms in turn, largest first. 4 bits: {0, 32, 8, 2} + {0, 16, 4, 1}.
/// @param bits  1 to 5
std::vector<std::int32_t> apot_levels(int bits);

}  // namespace quench::quant
