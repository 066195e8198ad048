#pragma once

#include <cstdint>
#include <vector>

#include "train/optimizer.h"

namespace quench::train {

/// How Adam takes weight decay.
enum class WeightDecay : std::uint8_t {
  coupled,    ///< added to the gradient, as in torch.optim.Adam
  decoupled,  ///< AdamW: w shrinks by lr * weight_decay * w beside the step
              ///< (Loshchilov & Hutter 2019)
};

/// Adam (Kingma & Ba 2015, arXiv:1412.6980) in the form of torch.optim.Adam. At update t of a
/// parameter
///
///   m <- beta1 m + (1 - beta1) g
///   v <- beta2 v + (1 - beta2) g^2
///   w <- w - lr / (1 - beta1^t) * m / (sqrt(v / (1 - beta2^t)) + eps)
///
/// t counts the updates of each parameter by itself, so that a threshold that starts to train late
/// has the same first steps as any other.
class Adam final : public Optimizer {
 public:
  Adam(const OptimizerOptions& options, std::vector<Parameter> parameters, WeightDecay decay);
  bool adaptive() const override { return true; }

 protected:
  void update(Entry& entry, const Tensor& grad, float rate) override;

 private:
  // Floats, although the powers are taken in double: GCC 12 vectorizes a rounding to float32 and back of
  // both at once into nothing.
  float beta1_, beta2_, eps_;
  WeightDecay decay_;
};

}  // namespace quench::train
