#pragma once

#include "layers/module.h"

namespace quench {

/// [N, C] to [N, C, 1, 1]: numbers as an image of one pixel, such as the factors of
/// squeeze-and-excitation.
class Unflatten final : public Module {
 public:
  Layer as_layer() override { return this; }

 protected:
  Variable forward(const Variable& input) override;
};

}  // namespace quench
