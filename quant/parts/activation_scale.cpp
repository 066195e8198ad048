#include "quant/parts/activation_scale.h"

#include <cmath>

#include "quant/statistics/value_range.h"
#include "support/error.h"

namespace quench::quant {

float ActivationScale::value() const { return average_ > 0.0 ? storable_scale(average_) : 1.0f; }

SavedState ActivationScale::state() const {
  return {{"scale", state_number(average_)}, {"seen", state_number(seen_ ? 1.0 : 0.0)}};
}

void ActivationScale::load_state(const SavedState& state, const std::string& slot) {
  const double average = state_number(state, "scale", slot);
  require(std::isfinite(average) && average >= 0.0, "{}: expected a finite scale >= 0, got {}",
          slot, average);
  seen_ = state_number(state, "seen", slot) != 0.0;
  average_ = average;
}

}  // namespace quench::quant
