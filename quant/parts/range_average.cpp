#include "quant/parts/range_average.h"

#include <cmath>

#include "support/error.h"

namespace quench::quant {

void RangeAverage::add(const ValueRange& batch) {
  seen_ = true;
  if (batch.min == 0.0 && batch.max == 0.0) return;
  if (weight_ == 0.0 && !zero_debias_) {
    start(batch);
    return;
  }
  const double fresh = 1.0 - momentum_;
  average_ = {momentum_ * average_.min + fresh * batch.min,
              momentum_ * average_.max + fresh * batch.max};
  weight_ = momentum_ * weight_ + fresh;
}

void RangeAverage::start(const ValueRange& range) {
  seen_ = true;
  average_ = range;
  weight_ = range.min == 0.0 && range.max == 0.0 ? 0.0 : 1.0;
}

ValueRange RangeAverage::value() const {
  if (weight_ == 0.0) return {};
  return {average_.min / weight_, average_.max / weight_};
}

void RangeAverage::save(SavedState& state) const {
  state["range_min"] = state_number(average_.min);
  state["range_max"] = state_number(average_.max);
  state["range_weight"] = state_number(weight_);
  state["seen"] = state_number(seen_ ? 1.0 : 0.0);
}

void RangeAverage::load(const SavedState& state, const std::string& slot) {
  const ValueRange range{state_number(state, "range_min", slot),
                         state_number(state, "range_max", slot)};
  const double weight = state_number(state, "range_weight", slot);
  require(
      std::isfinite(range.min) && std::isfinite(range.max) && range.min <= 0.0 && range.max >= 0.0,
      "{}: expected a finite range that holds 0, got [{}, {}]", slot, range.min, range.max);
  require(weight >= 0.0 && weight <= 1.0, "{}: expected a weight in [0, 1], got {}", slot, weight);
  seen_ = state_number(state, "seen", slot) != 0.0;
  average_ = range;
  weight_ = weight;
}

}  // namespace quench::quant
