#pragma once

#include "core/ops/activation.h"
#include "core/tensor.h"

namespace quench {

/// Options of batch normalisation (Ioffe and Szegedy 2015, arXiv:1502.03167).
struct BatchNormParams {
  float eps = 1e-5f;  ///< added to the variance; >= 0
  /// Weight of the new batch in the running statistics, in [0, 1]:
  /// running = (1 - momentum) * running + momentum * batch. A momentum of 1 / (k + 1) for batch k
  /// (counted from 0) gives the plain average over batches.
  float momentum = 0.1f;
  Activation activation = Activation::none;  ///< applied to the result in the same pass
  /// Whether the statistics cover the batches of all ranks (core/communicator.h). Several ranks
  /// then normalise as one process would, at the cost of one message per direction.
  bool synchronized = false;
};

/// The statistics used for normalisation, [C] each. Backward needs only these and the input.
struct BatchNormStatistics {
  Tensor mean;
  Tensor inv_std;             ///< 1 / sqrt(variance + eps), with the biased variance
  bool synchronized = false;  ///< of the batches of all ranks
};

struct BatchNormResult {
  Tensor output;  ///< deferred: a quantizer that reads it by pieces saves writing and reading it
  BatchNormStatistics statistics;
};

/// y = activation((x - mean) * inv_std * gain + bias) with mean and variance of x over all axes but
/// axis 1.
///
/// @param x            [N, C] or [N, C, H, W]
/// @param gain, bias   [C], or undefined for 1 and 0
/// @param running_...  [C], updated in place. As in PyTorch, running_var receives the unbiased
///                     variance (divided by count - 1); normalisation uses the biased one
/// @throws std::invalid_argument  for other shapes, options out of range, or a single value per
///                                channel
BatchNormResult batch_norm_train(const Tensor& x, const Tensor& gain, const Tensor& bias,
                                 Tensor& running_mean, Tensor& running_var,
                                 const BatchNormParams& params);

/// Computes the statistics of x without normalising it; updates the running ones as above.
/// @throws std::invalid_argument  as above
BatchNormStatistics batch_norm_statistics(const Tensor& x, Tensor& running_mean,
                                          Tensor& running_var, const BatchNormParams& params);

/// The same function with fixed statistics, folded into one multiply-add per element.
/// @throws std::invalid_argument  for other shapes or options out of range
Tensor batch_norm_infer(const Tensor& x, const Tensor& gain, const Tensor& bias,
                        const Tensor& running_mean, const Tensor& running_var,
                        const BatchNormParams& params);

/// Batch normalisation with fixed statistics as y = scale * x + shift, [C] each.
struct ChannelAffine {
  Tensor scale;  ///< gain / sqrt(running_var + eps)
  Tensor shift;  ///< bias - running_mean * scale
};
/// Computed in double and rounded once. Arguments as for batch_norm_infer.
ChannelAffine fold_batch_norm(const Tensor& gain, const Tensor& bias, const Tensor& running_mean,
                              const Tensor& running_var, float eps);

/// The statistics that batch_norm_infer uses, in the form that backward expects.
BatchNormStatistics frozen_statistics(const Tensor& running_mean, const Tensor& running_var,
                                      float eps);

/// The inputs of the forward pass.
struct BatchNormInputs {
  Tensor x, gain, bias;  ///< gain and bias as in the forward pass, possibly undefined
  BatchNormStatistics statistics;
  Activation activation = Activation::none;
};
struct BatchNormGradients {
  Tensor x, gain, bias;  ///< gain and bias always [C]; x of batch_norm_train_backward() is deferred
};

/// Gradients of batch_norm_train. The activation's mask is recomputed from x.
BatchNormGradients batch_norm_train_backward(const Tensor& grad_output,
                                             const BatchNormInputs& inputs);
/// Gradients of batch_norm_infer, whose statistics are constants.
BatchNormGradients batch_norm_infer_backward(const Tensor& grad_output,
                                             const BatchNormInputs& inputs);

}  // namespace quench
