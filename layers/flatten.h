#pragma once

#include "layers/module.h"

namespace quench {

/// [N, C, H, W] to [N, H*W*C]: the memory order, so nothing moves. A weight that another framework
/// trained on C, H, W order has to be permuted when it is imported.
class Flatten final : public Module {
 public:
  Layer as_layer() override { return this; }

 protected:
  Variable forward(const Variable& input) override;
};

}  // namespace quench
