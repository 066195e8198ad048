#pragma once

#include <cstdint>
#include <vector>

#include "train/optimizer.h"

namespace quench::train {

/// How Adam applies weight decay.
enum class WeightDecay : std::uint8_t {
  coupled,    ///< added to the gradient, as in torch.optim.Adam
  decoupled,  ///< AdamW: w shrinks by lr * weight_decay * w in addition to the step
              ///< (Loshchilov & Hutter 2019)
};

/// Adam (Kingma & Ba 2015, arXiv:1412.6980), see core/ops/adam.h.
///
/// t counts the updates of each parameter separately, so that a threshold that starts training late
/// has the same first steps as any other.
class Adam final : public Optimizer {
 public:
  Adam(const OptimizerOptions& options, std::vector<layers::Parameter> parameters,
       WeightDecay decay);
  bool adaptive() const override { return true; }

 protected:
  void update(Entry& entry, const Tensor& grad, float rate) override;

 private:
  // Floats, although the powers are computed in double: GCC 12, when vectorizing, optimizes away a
  // rounding of both to float32 and back.
  float beta1_, beta2_, eps_;
  WeightDecay decay_;
};

}  // namespace quench::train
