#include "quant/strategies/threshold_freezer.h"

#include <algorithm>
#include <cmath>

#include "support/error.h"

namespace quench::quant {
namespace {

constexpr double kDecay = 0.9999;

}  // namespace

FreezableThresholds::FreezableThresholds(std::int64_t count, FreezeOptions options)
    : options_(options), thresholds_(static_cast<std::size_t>(count)) {}

void FreezableThresholds::add(const Tensor& log2_t, const Tensor& gradient) {
  ++updates_;
  for (std::size_t i = 0; i < thresholds_.size(); ++i) {
    Threshold& threshold = thresholds_[i];
    threshold.value = log2_t.data()[i];
    threshold.average = kDecay * threshold.average + (1.0 - kDecay) * double{threshold.value};
    if (gradient.defined()) threshold.gradient += std::abs(double{gradient.data()[i]});
  }
}

bool FreezableThresholds::restore(Tensor& log2_t) const {
  bool moved = false;
  for (std::size_t i = 0; i < thresholds_.size(); ++i) {
    float& value = log2_t.data()[i];
    if (!thresholds_[i].frozen || value == thresholds_[i].value) continue;
    value = thresholds_[i].value;
    moved = true;
  }
  return moved;
}

bool FreezableThresholds::all_frozen() const {
  return std::ranges::all_of(thresholds_, &Threshold::frozen);
}

double FreezableThresholds::frozen_share() const {
  const auto frozen = std::ranges::count_if(thresholds_, &Threshold::frozen);
  return static_cast<double>(frozen) / static_cast<double>(thresholds_.size());
}

bool FreezableThresholds::settled(std::size_t i) const {
  const Threshold& threshold = thresholds_[i];
  if (threshold.frozen || updates_ == 0) return false;
  const double debiased =
      threshold.average / (1.0 - std::pow(kDecay, static_cast<double>(updates_)));
  // In float32: otherwise a threshold that never moved from a power of two would differ from its
  // average.
  return std::ceil(threshold.value) == std::ceil(static_cast<float>(debiased));
}

void FreezableThresholds::start_interval() {
  for (Threshold& threshold : thresholds_) threshold.gradient = 0.0;
}

void FreezableThresholds::save(SavedState& state) const {
  const auto count = static_cast<std::int64_t>(thresholds_.size());
  Tensor packed({count, 4}, DType::f64);
  for (std::int64_t i = 0; i < count; ++i) {
    const Threshold& threshold = thresholds_[static_cast<std::size_t>(i)];
    double* row = packed.data<double>() + 4 * i;
    row[0] = double{threshold.value};
    row[1] = threshold.average;
    row[2] = threshold.gradient;
    row[3] = threshold.frozen ? 1.0 : 0.0;
  }
  state["freezing"] = packed;
  state["freezing_updates"] = state_number(static_cast<double>(updates_));
}

void FreezableThresholds::load(const SavedState& state, const std::string& slot) {
  const auto count = static_cast<std::int64_t>(thresholds_.size());
  const Tensor packed = state_tensor(state, "freezing", slot);
  require(packed.dtype() == DType::f64 && packed.shape() == Shape({count, 4}),
          "{}: expected state 'freezing' to be f64 [{}, 4], got {} {}", slot, count,
          name_of(packed.dtype()), packed.shape().to_string());
  updates_ = static_cast<std::int64_t>(state_number(state, "freezing_updates", slot));
  for (std::int64_t i = 0; i < count; ++i) {
    const double* row = packed.data<double>() + 4 * i;
    thresholds_[static_cast<std::size_t>(i)] = {static_cast<float>(row[0]), row[1], row[2],
                                                row[3] != 0.0};
  }
}

void ThresholdFreezer::add(std::shared_ptr<FreezableThresholds> thresholds) {
  slots_.push_back(std::move(thresholds));
}

void ThresholdFreezer::reported(std::int64_t step) {
  if (++reported_ < slots_.size()) return;
  reported_ = 0;
  freeze_one(step);
}

void ThresholdFreezer::freeze_one(std::int64_t step) {
  FreezableThresholds* chosen = nullptr;
  std::size_t index = 0;
  for (const auto& slot : slots_) {
    const FreezeOptions& options = slot->options();
    if (!options.ends_interval(step) || step + 1 < options.start) continue;
    for (std::size_t i = 0; i < slot->size(); ++i) {
      if (!slot->settled(i)) continue;
      if (chosen != nullptr && slot->gradient(i) >= chosen->gradient(index)) continue;
      chosen = slot.get();
      index = i;
    }
  }
  if (chosen != nullptr) chosen->freeze(index);
  for (const auto& slot : slots_) {
    if (slot->options().ends_interval(step)) slot->start_interval();
  }
}

}  // namespace quench::quant
