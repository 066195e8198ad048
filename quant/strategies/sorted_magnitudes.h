#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "quant/strategies/projection.h"

namespace quench::quant {

/// |x| in ascending order, for projections onto the same values with many scales in turn.
///
/// The codes of a symmetric grid rise with |x|, so code k owns the values from some position on. Each
/// projection moves these positions from where the last one left them, past the values whose code
/// changed: a pass over all values happens once.
class SortedMagnitudes {
 public:
  /// @param x     finite
  /// @param qmax  the largest code of the grid [-qmax, qmax]
  SortedMagnitudes(std::span<const float> x, int qmax);

  /// <x, q> and <q, q> of q = clip(round(x / scale), -qmax, qmax).
  Projection project(float scale);

 private:
  std::vector<float> values_;
  std::vector<double> tails_;        ///< tails_[i]: the sum of values_[i] and all after it
  std::vector<std::size_t> begins_;  ///< begins_[k - 1]: the first value of code k or more
};

}  // namespace quench::quant
