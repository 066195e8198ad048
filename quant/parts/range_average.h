#pragma once

#include <string>

#include "quant/quantizer.h"
#include "quant/saved_state.h"

namespace quench::quant {

/// A range averaged over batches: the exponential average of their extrema,
///
///   min <- momentum * min + (1 - momentum) * batch min, and likewise max.
///
/// It starts with the first batch; or from 0, and value() divides by the accumulated weight 1 -
/// momentum^t ("zero debias" in TensorFlow). A batch of zeros is ignored.
class RangeAverage {
 public:
  explicit RangeAverage(double momentum, bool zero_debias = false)
      : momentum_(momentum), zero_debias_(zero_debias) {}

  void add(const ValueRange& batch);
  /// Restarts from a calibrated range.
  void start(const ValueRange& range);
  bool seen() const { return seen_; }  ///< whether there was any batch or start()
  ValueRange value() const;            ///< [0, 0] until values other than zero were seen

  void save(SavedState& state) const;
  /// @throws std::invalid_argument  if an entry is missing or out of range; the message starts with
  ///                                `slot`
  void load(const SavedState& state, const std::string& slot);

 private:
  double momentum_;
  bool zero_debias_;
  bool seen_ = false;
  double weight_ = 0.0;
  ValueRange average_;
};

}  // namespace quench::quant
