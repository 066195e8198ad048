#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/tensor.h"
#include "quant/saved_state.h"

namespace quench::quant {

/// When the log2 thresholds of a slot may stop to be trained.
struct FreezeOptions {
  std::int64_t start = 1000;  ///< steps before the first one freezes
  std::int64_t every = 50;    ///< steps; one threshold of the network freezes per interval

  /// Whether an interval ends with step `step` (from 0).
  bool ends_interval(std::int64_t step) const { return (step + 1) % every == 0; }
};

/// What the freezing of one slot's log2 thresholds goes by, and which of them stand still: for each
/// threshold a zero-debiased exponential average of its value (decay 0.9999), and the sum of
/// |gradient| over the current interval.
class FreezableThresholds {
 public:
  FreezableThresholds(std::int64_t count, FreezeOptions options);

  /// Takes in the values and gradients of one step. No gradient (undefined) counts as 0.
  void add(const Tensor& log2_t, const Tensor& gradient);
  /// Puts those that are frozen back to where they froze; whether any had moved.
  bool restore(Tensor& log2_t) const;
  bool all_frozen() const;
  double frozen_share() const;  ///< of the thresholds, 0 to 1

  const FreezeOptions& options() const { return options_; }
  std::size_t size() const { return thresholds_.size(); }
  /// Whether threshold i is still trained, and rounds up to the same power of two as its average.
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
    float value = 0.0f;     // after the latest step; where it stands if frozen
    double average = 0.0;   // biased towards 0, from where it starts
    double gradient = 0.0;  // sum of |gradient| over the interval
    bool frozen = false;
  };

  FreezeOptions options_;
  std::int64_t updates_ = 0;  // of the averages
  std::vector<Threshold> thresholds_;
};

/// Freezes the log2 thresholds of a whole network one by one (Jain et al. 2019, section 5.2, and
/// the authors' code): at the end of each interval the one with the smallest average |gradient|
/// among those whose ceil(log2 t) agrees with that of its average, so that a threshold that swings
/// about a power of two comes to rest where it mostly is.
///
/// The slots share one; all that lasts lies in their FreezableThresholds.
class ThresholdFreezer {
 public:
  /// Takes a slot in, before the first step.
  void add(std::shared_ptr<FreezableThresholds> thresholds);
  /// Called by every slot once it has taken in step `step`. When the last one has, the interval may
  /// end: in whatever order they call, the choice is the same.
  void reported(std::int64_t step);

 private:
  void freeze_one(std::int64_t step);

  std::vector<std::shared_ptr<FreezableThresholds>> slots_;  // in order of registration
  std::size_t reported_ = 0;                                 // in the current step
};

}  // namespace quench::quant
