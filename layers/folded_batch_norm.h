#pragma once

#include "autograd/variable.h"
#include "layers/batch_norm.h"

namespace quench {

/// A batch norm as the layer before it computes it (Jacob et al. 2018, arXiv:1712.05877, section
/// 3.2; Krishnamoorthi 2018, arXiv:1806.08342, section 3.2.2): with its gain in the weight that is
/// quantized, w_c = w gain / sigma_running, so that integer inference has nothing to do but add a
/// bias.
///
///   batch norm in training    y = conv(x, Q(w_c)) sigma_running / sigma_batch
///                                 + bias + gain (b - mean_batch) / sigma_batch
///   else (frozen, evaluation) y = conv(x, Q(w_c)) + bias + gain (b - mean_running) / sigma_running
///
/// with b the layer's own bias, if it has one. The batch's statistics are those of conv(x, w) + b,
/// from the weight that is not quantized, and update the running ones as BatchNorm does. Gradients
/// are exact, also through the batch's statistics; sigma_running is a constant.
class FoldedBatchNorm {
 public:
  /// `norm` must outlive this.
  explicit FoldedBatchNorm(BatchNorm& norm) : norm_(&norm) {}

  BatchNorm& norm() const { return *norm_; }
  /// Whether batches normalize themselves and update the running statistics.
  bool in_training() const { return norm_->training(); }

  /// w_c, for the quantizer.
  Variable weight(const Variable& latent) const;
  /// The bias of the form for evaluation; `layer_bias` may be undefined.
  Variable bias(const Variable& layer_bias) const;

  /// The form for training, before the activation. Takes the batch into the running statistics,
  /// and thus must follow weight().
  /// @param product  conv(x, Q(w_c))
  /// @param plain    conv(x, w) + b
  Variable normalize(const Variable& product, const Variable& plain,
                     const Variable& layer_bias) const;
  /// Takes conv(x, w) + b into the running statistics and does nothing else.
  void observe(const Tensor& plain) const;

  /// Grows with any change of what weight() and bias() are made from.
  std::uint64_t version() const;

 private:
  Variable scale() const;  ///< gain / sigma_running

  BatchNorm* norm_;
};

}  // namespace quench
