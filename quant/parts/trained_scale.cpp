#include "quant/parts/trained_scale.h"

#include <algorithm>
#include <cmath>

#include "support/error.h"

namespace quench::quant {

TrainedScale::TrainedScale(std::int64_t count, float least)
    : value_(Tensor::full({count}, 1.0f), true), least_(least) {}

std::vector<float> TrainedScale::values() const {
  const auto values = value_.value().span();
  return {values.begin(), values.end()};
}

void TrainedScale::start(std::span<const double> values, const std::string& slot) {
  Tensor& target = value_.mutable_value();
  require(static_cast<std::int64_t>(values.size()) == target.numel(),
          "{}: expected {} ranges or channels, got {}", slot, target.numel(), values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    require(std::isfinite(values[i]) && values[i] >= 0.0,
            "{}: expected a finite scale to start from, got {}", slot, values[i]);
    target.data()[i] = values[i] > 0.0 ? std::max(least_, static_cast<float>(values[i])) : 1.0f;
  }
  target.bump_version();
  seen_ = started_ = true;
}

void TrainedScale::clamp(const std::string& slot) {
  Tensor& target = value_.mutable_value();
  const auto values = target.span();
  for (const float value : values) {
    require(std::isfinite(value), "{}: expected a finite trained scale, got {}", slot, value);
  }
  if (std::ranges::all_of(values, [this](float value) { return value >= least_; })) return;
  for (float& value : target.span()) value = std::max(value, least_);
  target.bump_version();
}

void TrainedScale::save(SavedState& state) const {
  state["scale_seen"] = state_number(seen_ ? 1.0 : 0.0);
  state["scale_started"] = state_number(started_ ? 1.0 : 0.0);
}

void TrainedScale::load(const SavedState& state, const std::string& slot) {
  seen_ = state_number(state, "scale_seen", slot) != 0.0;
  started_ = state_number(state, "scale_started", slot) != 0.0;
}

}  // namespace quench::quant
