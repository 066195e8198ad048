#pragma once

#include "layers/module.h"

namespace quench {

/// y = scale[c] x + shift[c] of [N, C] or [N, C, H, W], both trained: what a product and a sum with
/// constants are in a network of another framework. A batch norm without statistics; integer
/// inference makes one step of it likewise. Product and sum are each rounded to float32.
class ScaleShift final : public Module {
 public:
  /// @param scale, shift  [C], or [1] for all channels; undefined: 1, or 0, and not trained
  /// @throws std::invalid_argument  for another rank, none of the two, or counts that do not fit
  ScaleShift(const Tensor& scale, const Tensor& shift);

  const Variable& scale() const { return scale_; }  ///< undefined if there is none
  const Variable& shift() const { return shift_; }  ///< undefined if there is none
  Layer as_layer() override { return this; }

 protected:
  Variable forward(const Variable& input) override;

 private:
  Variable scale_, shift_;
};

}  // namespace quench
