#include "quant/parts/activation_grid.h"

#include <cmath>

#include "quant/statistics/value_range.h"
#include "support/error.h"

namespace quench::quant {
namespace {

QuantGrid signed_grid(ActivationGrid::Signed form, int bits) {
  return form == ActivationGrid::Signed::narrow ? signed_narrow_grid(bits) : signed_full_grid(bits);
}

QuantGrid choose(const std::string& name, int bits, ActivationGrid::Signed when_signed) {
  if (name == "unsigned") return unsigned_grid(bits);
  if (name == "signed_narrow") return signed_narrow_grid(bits);
  if (name == "signed_full") return signed_full_grid(bits);
  return signed_grid(when_signed, bits);
}

}  // namespace

ActivationGrid::ActivationGrid(const Settings& settings, std::string_view fallback, int bits,
                               Signed when_signed, const std::vector<std::string>& choices) {
  const std::string name = settings.choice(
      {"act_grid",
       "integers of activations; auto: unsigned if the first batch has no negative value"},
      fallback, choices);
  settled_ = name != "auto";
  grid_ = choose(name, bits, when_signed);
}

void ActivationGrid::settle(float min, float max) {
  if (settled_ || (min == 0.0f && max == 0.0f)) return;
  settled_ = true;
  if (min >= 0.0f) grid_ = unsigned_grid(grid_.bits);
}

double ActivationGrid::reach_of(std::span<const ValueRange> ranges, const std::string& slot) {
  require(ranges.size() == 1, "{}: expected 1 range, got {}", slot, ranges.size());
  const ValueRange range = ranges[0];
  settle(static_cast<float>(range.min), static_cast<float>(range.max));
  return range.reach(grid_);
}

double ActivationGrid::scale_of(std::span<const ValueRange> ranges, const std::string& slot) {
  const double reach = reach_of(ranges, slot);
  return reach / grid_.qmax;
}

void ActivationGrid::save(SavedState& state) const {
  state["grid_settled"] = state_number(settled_ ? 1.0 : 0.0);
  state["grid_unsigned"] = state_number(is_unsigned() ? 1.0 : 0.0);
}

void ActivationGrid::load(const SavedState& state, const std::string& slot) {
  settled_ = state_number(state, "grid_settled", slot) != 0.0;
  if (state_number(state, "grid_unsigned", slot) != 0.0) grid_ = unsigned_grid(grid_.bits);
}

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
