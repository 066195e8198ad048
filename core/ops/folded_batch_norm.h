#pragma once

#include "core/ops/batch_norm.h"

namespace quench {

/// Inputs of batch norm in training when the gain is folded into the weight of the layer before it:
/// product = conv(x, Q(w gain / sigma_running)) uses the quantized weight, and the batch statistics
/// come from plain = conv(x, w) + layer_bias, the layer without quantization.
struct FoldedBatchNormInputs {
  Tensor product;             ///< [N, C] or [N, C, H, W]
  Tensor plain;               ///< same shape
  Tensor gain, bias;          ///< [C]
  Tensor layer_bias;          ///< [C], or undefined for 0
  BatchNormStatistics batch;  ///< of `plain`
  Tensor sigma_running;       ///< [C]: sqrt(running_var + eps), as in the folded weight
};

/// y = product sigma_running / sigma_batch + bias + gain (layer_bias - mean_batch) / sigma_batch
///
/// The correction by sigma_running / sigma_batch keeps the scale of the quantized weight steady
/// while the result is normalised by the batch (Krishnamoorthi 2018, arXiv:1806.08342, section
/// 3.2.2). With Q the identity this is batch_norm_train(plain).
Tensor folded_batch_norm(const FoldedBatchNormInputs& inputs);

struct FoldedBatchNormGradients {
  Tensor product, plain, gain, bias, layer_bias;  ///< the last three always [C]
};
/// Exact, also through mean_batch and sigma_batch to `plain`; sigma_running is a constant.
FoldedBatchNormGradients folded_batch_norm_backward(const Tensor& grad_output,
                                                    const FoldedBatchNormInputs& inputs);

}  // namespace quench
