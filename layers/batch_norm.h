#pragma once

#include <vector>

#include "core/ops/batch_norm.h"
#include "layers/module.h"

namespace quench {

class QuantizedLayer;

/// Batch normalization of [N, C] or [N, C, H, W] per channel with gain and bias, followed by an
/// activation in the same pass over memory (Ioffe & Szegedy 2015). Training normalizes by the batch
/// and updates running statistics, evaluation uses those.
///
/// One that is folded into the layer before it leaves normalizing to that layer, see
/// QuantizedLayer::fold(), and applies its activation alone.
class BatchNorm final : public Module {
 public:
  /// @throws std::invalid_argument  for channels < 1
  BatchNorm(std::int64_t channels, const BatchNormParams& params);

  /// The weight of the next batch in the running statistics; see BatchNormParams::momentum.
  void set_momentum(float momentum) { params_.momentum = momentum; }
  float momentum() const { return params_.momentum; }
  /// See BatchNormParams::synchronized.
  void set_synchronized(bool synchronized) { params_.synchronized = synchronized; }
  void set_activation(Activation activation) { params_.activation = activation; }
  const BatchNormParams& params() const { return params_; }

  const Variable& gain() const { return gain_; }
  const Variable& bias() const { return bias_; }
  Variable& gain() { return gain_; }
  Variable& bias() { return bias_; }
  const Tensor& running_mean() const { return running_mean_; }
  const Tensor& running_var() const { return running_var_; }
  Tensor& running_mean() { return running_mean_; }
  Tensor& running_var() { return running_var_; }
  Layer as_layer() override { return this; }

 protected:
  Variable forward(const Variable& input) override;

 private:
  friend class QuantizedLayer;
  BatchNormParams params_;
  Variable& gain_;
  Variable& bias_;
  Tensor& running_mean_;
  Tensor& running_var_;
  const QuantizedLayer* folded_into_ = nullptr;
};

/// Every one of the network, in the order in which they are registered. One whose set_training() is
/// off while the rest trains is frozen: it normalizes by its running statistics and leaves them as
/// they are.
std::vector<BatchNorm*> batch_norms(Module& network);

}  // namespace quench
