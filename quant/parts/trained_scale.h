#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "autograd/variable.h"
#include "quant/saved_state.h"

namespace quench::quant {

/// What training learns of a grid and what must stay positive: its step or its clip, one value or
/// one per channel. It is 1 until data or a calibrator starts it.
class TrainedScale {
 public:
  /// @param least  > 0; an optimizer's step below it is brought back to it
  explicit TrainedScale(std::int64_t count, float least = 1e-8f);

  const Variable& variable() const { return value_; }
  std::vector<float> values() const;
  bool seen() const { return seen_; }  ///< whether there was any data, be it zeros
  bool started() const { return started_; }

  /// Sets the values; 0, which data of zeros gives, becomes 1.
  /// @throws std::invalid_argument  for another number of values, or one not finite and >= 0; the
  ///                                message starts with `slot`
  void start(std::span<const double> values, const std::string& slot);
  /// Notes data that says nothing, as a batch of zeros: the value stays, to be started by later data.
  void note_zeros() { seen_ = true; }
  /// Brings the values, also the optimizer's, back to at least `least`.
  /// @throws std::invalid_argument  if one is not finite; the message starts with `slot`
  void clamp(const std::string& slot);

  /// Whether it has started; the values themselves are the network's parameters.
  void save(SavedState& state) const;
  void load(const SavedState& state, const std::string& slot);

 private:
  Variable value_;
  float least_;
  bool seen_ = false;
  bool started_ = false;
};

}  // namespace quench::quant
