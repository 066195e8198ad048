#include "quant/parts/trained_scale.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "support/error.h"

namespace quench::quant {
namespace {

constexpr float kShareOfStart = 1e-3f;
constexpr float kSmallest = std::numeric_limits<float>::min();

}  // namespace

TrainedScale::TrainedScale(std::int64_t count, float least)
    : value_(Tensor::full({count}, 1.0f), true),
      least_(least),
      floors_(static_cast<std::size_t>(count), least) {}

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
    floors_[i] = least_;
    target.data()[i] = 1.0f;
    if (values[i] == 0.0) continue;
    const auto value = static_cast<float>(values[i]);
    floors_[i] = std::max(std::min(least_, kShareOfStart * value), kSmallest);
    target.data()[i] = std::max(value, floors_[i]);
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
  if (std::ranges::equal(values, floors_, std::greater_equal<>())) return;
  std::ranges::transform(values, floors_, target.data(),
                         [](float value, float floor) { return std::max(value, floor); });
  target.bump_version();
}

std::vector<ValuesAtLimit> TrainedScale::at_floor(const std::string& parameter) const {
  std::int64_t count = 0;
  for (std::size_t i = 0; i < floors_.size(); ++i)
    count += value_.value().span()[i] <= floors_[i] ? 1 : 0;
  if (count == 0) return {};
  return {{parameter + " at its floor", count, std::ssize(floors_)}};
}

void TrainedScale::save(SavedState& state) const {
  state["scale_seen"] = state_number(seen_ ? 1.0 : 0.0);
  state["scale_started"] = state_number(started_ ? 1.0 : 0.0);
  // Tiny tensors alone have this entry: all other checkpoints are those of earlier versions.
  if (std::ranges::any_of(floors_, [this](float floor) { return floor != least_; }))
    state["scale_floors"] = Tensor::from_row_major(value_.shape(), floors_);
}

void TrainedScale::load(const SavedState& state, const std::string& slot) {
  seen_ = state_number(state, "scale_seen", slot) != 0.0;
  started_ = state_number(state, "scale_started", slot) != 0.0;
  std::ranges::fill(floors_, least_);
  if (!state.contains("scale_floors")) return;
  const Tensor floors = state_tensor(state, "scale_floors", slot);
  require(floors.dtype() == DType::f32 && floors.shape() == value_.shape(),
          "{}: expected state 'scale_floors' to be f32 {}, got {} {}", slot,
          value_.shape().to_string(), name_of(floors.dtype()), floors.shape().to_string());
  std::ranges::copy(floors.span(), floors_.begin());
}

}  // namespace quench::quant
