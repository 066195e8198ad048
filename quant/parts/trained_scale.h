#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "autograd/variable.h"
#include "quant/capabilities.h"
#include "quant/saved_state.h"

namespace quench::quant {

/// A trained value of a grid that must stay positive: its step or its clip, one per tensor or per
/// channel. It is 1 until data or a calibrator sets it.
///
/// An optimizer step below the floor is clamped to it. The floor is `least`, or a thousandth of the
/// value's start if that is less, so that tensors of tiny values have a grid, too; it is at least 2^-126.
class TrainedScale {
 public:
  /// @param least  > 0
  explicit TrainedScale(std::int64_t count, float least = 1e-8f);

  const Variable& variable() const { return value_; }
  std::vector<float> values() const;
  bool seen() const { return seen_; }  ///< whether there was any data, even zeros
  bool started() const { return started_; }

  /// Sets the values; 0 (from data of zeros) becomes 1.
  /// @throws std::invalid_argument  for the wrong number of values, or one that is not finite and
  ///                                >= 0; the message starts with `slot`
  void start(std::span<const double> values, const std::string& slot);
  /// Notes a batch of zeros: the value is left for later data to set.
  void note_zeros() { seen_ = true; }
  /// Clamps the values to their floors.
  /// @throws std::invalid_argument  if a value is not finite; the message starts with `slot`
  void clamp(const std::string& slot);
  /// For Limited::at_limit().
  std::vector<ValuesAtLimit> at_floor(const std::string& parameter) const;

  /// Saves whether it has started, and floors other than `least`; the values are parameters of the
  /// network.
  void save(SavedState& state) const;
  void load(const SavedState& state, const std::string& slot);

 private:
  Variable value_;
  float least_;
  std::vector<float> floors_;
  bool seen_ = false;
  bool started_ = false;
};

}  // namespace quench::quant
