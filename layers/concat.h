#pragma once

#include "layers/module.h"

namespace quench {

/// Two or more inputs joined along the channels: [N, C_i, H, W] to [N, sum of C_i, H, W], or [N, C_i]
/// to [N, sum of C_i].
///
/// It has no slot for a quantizer, as it computes nothing. The quantizer that reads its output
/// decides the grid, so that all inputs share one scale by themselves.
class Concat final : public Module {
 public:
  Layer as_layer() override { return this; }

 protected:
  Variable combine(std::span<const Variable> inputs) override;
};

}  // namespace quench
