#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/tensor.h"
#include "quant/saved_state.h"

namespace quench::quant {

/// When the log2 thresholds of a slot may freeze.
struct FreezeOptions {
  std::int64_t start = 1000;  ///< steps before the first threshold freezes
  std::int64_t every = 50;    ///< steps; one threshold of the network freezes per interval

  /// Whether an interval ends with step `step` (from 0).
  bool ends_interval(std::int64_t step) const { return (step + 1) % every == 0; }
};

/// The state for freezing one slot's log2 thresholds: for each threshold, whether it is frozen, a
/// zero-debiased exponential average of its value (decay 0.9999), and the sum of |gradient| over
/// the current interval.
class FreezableThresholds {
 public:
  FreezableThresholds(std::int64_t count, FreezeOptions options);

  /// Adds the values and gradients of one step. An undefined gradient counts as 0.
  void add(const Tensor& log2_t, const Tensor& gradient);
  /// Resets frozen thresholds to their frozen values; returns whether any had moved.
  bool restore(Tensor& log2_t) const;
  bool all_frozen() const;
  double frozen_share() const;  ///< of the thresholds, 0 to 1

  const FreezeOptions& options() const { return options_; }
  std::size_t size() const { return thresholds_.size(); }
  /// Whether threshold i is not frozen and rounds up to the same power of two as its average.
  bool settled(std::size_t i) const;
  double gradient(std::size_t i) const { return thresholds_[i].gradient; }
  void freeze(std::size_t i) { thresholds_[i].frozen = true; }
  void start_interval();

  void save(SavedState& state) const;
  /// @throws std::invalid_argument  if an entry is missing or mis-shaped; the message starts with
  ///                                `slot`
  void load(const SavedState& state, const std::string& slot);

 private:
  struct Threshold {
    float value = 0.0f;     // after the latest step; fixed once frozen
    double average = 0.0;   // starts at 0 and is biased towards it
    double gradient = 0.0;  // sum of |gradient| over the interval
    bool frozen = false;
  };

  FreezeOptions options_;
  std::int64_t updates_ = 0;  // number of updates of the averages
  std::vector<Threshold> thresholds_;
};

/// Freezes the log2 thresholds of a whole network one by one (Jain et al. 2019, section 5.2, and
/// the authors' code): at the end of each interval, freezes the one with the smallest average
/// |gradient| among those whose ceil(log2 t) equals that of their average. A threshold that
/// oscillates around a power of two thus freezes on the side where it mostly is.
///
/// The slots of a network share one freezer; all saved state is in their FreezableThresholds.
class ThresholdFreezer {
 public:
  /// Adds a slot, before the first step.
  void add(std::shared_ptr<FreezableThresholds> thresholds);
  /// Called by every slot after it has added step `step`. After the last call the interval may end.
  /// The choice does not depend on the order of the calls.
  void reported(std::int64_t step);

 private:
  void freeze_one(std::int64_t step);

  std::vector<std::shared_ptr<FreezableThresholds>> slots_;  // in order of registration
  std::size_t reported_ = 0;                                 // in the current step
};

}  // namespace quench::quant
