#pragma once

#include <string>

#include "quant/saved_state.h"

namespace quench::quant {

/// The scale of an activation, gathered over batches:
///
///   scale <- momentum * scale + (1 - momentum) * batch scale; the first batch starts it.
///
/// A batch of zeros says nothing about the range and leaves the scale alone; until one says more,
/// the scale is 1.
class ActivationScale {
 public:
  explicit ActivationScale(double momentum) : momentum_(momentum) {}

  /// @param batch_scale  > 0, or 0 for a batch of zeros
  void add(double batch_scale) {
    seen_ = true;
    if (batch_scale == 0.0) return;
    average_ =
        average_ > 0.0 ? momentum_ * average_ + (1.0 - momentum_) * batch_scale : batch_scale;
  }
  /// Forgets what was gathered and starts from `scale`, >= 0, as if it came from the first batch.
  void start(double scale) {
    average_ = 0.0;
    add(scale);
  }
  bool seen() const { return seen_; }          ///< whether there was any batch
  double average() const { return average_; }  ///< 0 before the first batch that was not all zeros
  float value() const;

  SavedState state() const;
  /// @throws std::invalid_argument  if an entry is missing; the message starts with `slot`
  void load_state(const SavedState& state, const std::string& slot);

 private:
  double momentum_;
  double average_ = 0.0;
  bool seen_ = false;
};

}  // namespace quench::quant
