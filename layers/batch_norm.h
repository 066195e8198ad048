#pragma once

#include <vector>

#include "autograd/variable.h"
#include "core/ops/batch_norm.h"
#include "layers/module.h"

namespace quench::layers {

class QuantizedLayer;

/// Batch normalization of [N, C] or [N, C, H, W] per channel with gain and bias, followed by an
/// activation in the same pass over memory (Ioffe & Szegedy 2015). Training normalizes by the batch
/// and updates the running statistics; evaluation normalizes by those.
///
/// After folding, the layer before it normalizes (see QuantizedLayer::fold()), and this one only
/// applies its activation.
class BatchNorm final : public Module {
 public:
  struct Options {
    std::int64_t channels = 0;  ///< required
    BatchNormParams params = {};
  };

  /// @throws std::invalid_argument  for channels < 1
  explicit BatchNorm(const Options& options) : BatchNorm(options.channels, options.params) {}
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

/// Every batch norm of the network, in order of registration. To freeze one while the rest trains,
/// switch off its set_training(): it then normalizes by its running statistics and does not update
/// them.
std::vector<BatchNorm*> batch_norms(Module& network);

/// A batch norm computed by the layer before it (Jacob et al. 2018, arXiv:1712.05877, section 3.2;
/// Krishnamoorthi 2018, arXiv:1806.08342, section 3.2.2). Its gain is part of the weight that is
/// quantized, w_c = w gain / sigma_running, so integer inference only has to add a bias.
///
///   batch norm in training    y = conv(x, Q(w_c)) sigma_running / sigma_batch
///                                 + bias + gain (b - mean_batch) / sigma_batch
///   else (frozen, evaluation) y = conv(x, Q(w_c)) + bias + gain (b - mean_running) / sigma_running
///
/// where b is the layer's own bias, if it has one. The batch statistics are those of conv(x, w) + b
/// with the unquantized weight; they update the running statistics as BatchNorm does. Gradients are
/// exact, also through the batch statistics; sigma_running is treated as a constant.
class FoldedBatchNorm {
 public:
  /// `norm` must outlive this.
  explicit FoldedBatchNorm(BatchNorm& norm) : norm_(&norm) {}

  BatchNorm& norm() const { return *norm_; }
  /// Whether it normalizes by the batch and updates the running statistics.
  bool in_training() const { return norm_->training(); }

  /// w_c, for the quantizer.
  Variable weight(const Variable& latent) const;
  /// The bias for evaluation; `layer_bias` may be undefined.
  Variable bias(const Variable& layer_bias) const;

  /// The output in training, before the activation. Updates the running statistics, so it must be
  /// called after weight().
  /// @param product  conv(x, Q(w_c))
  /// @param plain    conv(x, w) + b
  Variable normalize(const Variable& product, const Variable& plain,
                     const Variable& layer_bias) const;
  /// Only updates the running statistics from conv(x, w) + b.
  void observe(const Tensor& plain) const;

  /// Increases whenever an input of weight() or bias() changes.
  std::uint64_t version() const;

 private:
  Variable scale() const;  ///< gain / sigma_running

  BatchNorm* norm_;
};

}  // namespace quench::layers
