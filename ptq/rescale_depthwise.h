#pragma once

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/tensor.h"
#include "layers/module.h"

namespace quench::ptq {

struct DepthwiseRescaleReport {
  std::vector<std::pair<std::string, std::string>> pairs;  ///< depthwise layer, 1x1 layer
  std::int64_t locked = 0;  ///< number of their channels that reach the bound of ReLU6
  /// Depthwise layers that were not changed, with the reason.
  std::vector<std::pair<std::string, std::string>> excluded;
};

/// Equalizes the channels of every depthwise convolution whose only reader is a 1x1 convolution
/// (after batch norm and ReLU or ReLU6), so that one scale per tensor suits them all (FAT,
/// Goncharenko et al. 2018, arXiv:1812.07872); see choose_depthwise_rescale(). Begins with
/// fold_into_weights().
///
/// The network's function in evaluation does not change, up to rounding, unless a channel that
/// stayed below the bound of ReLU6 on these images exceeds it on others.
/// @param batches  images [N, C, H, W], at least one batch
/// @throws std::invalid_argument  if there are no batches
DepthwiseRescaleReport rescale_depthwise(layers::Module& network,
                                         const std::vector<Tensor>& batches);

/// When a channel is locked because ReLU6 clips it, and how far other channels may grow.
struct RescaleOptions {
  float lock_at = 5.9f;
  float cap = 6.0f;
};

/// The factor of each channel.
struct DepthwiseRescale {
  std::vector<double> thresholds;  ///< T_k = max|W_dw[k]| before
  std::vector<bool> locked;
  double target = 0.0;          ///< T_0
  std::vector<double> factors;  ///< s_k
};

/// Computes factors that equalize the channel ranges of a depthwise convolution, whose output goes
/// through ReLU or ReLU6 into a 1x1 convolution (Goncharenko et al. 2018, section on depthwise
/// rescaling), so that one scale per tensor suits them all:
///
///   W_dw[k] *= s_k,  b_dw[k] *= s_k,  W_pw[:, k] /= s_k
///
///   ReLU   s_k = T_0 / T_k, T_0 the mean of all T_k
///   ReLU6  with X_k the largest value of channel k before the ReLU6: s_k = 1 where X_k >= lock_at;
///          else min(T_0 / T_k, cap / X_k), T_0 the mean over the locked channels, or over all if
///          none is. X_k <= 0 does not limit s_k
///
/// The function does not change unless another channel exceeds the cap. s_k = 1 for a channel of
/// zeros. There must be no addition between the two layers. Fold batch norm first.
///
/// @param depthwise  [C, 1, KH, KW]
/// @param largest    X_k, C values, for ReLU6; empty: ReLU
/// @throws std::invalid_argument  for other shapes, or values that are not finite
DepthwiseRescale choose_depthwise_rescale(const Tensor& depthwise,
                                          std::span<const float> largest = {},
                                          const RescaleOptions& options = {});

}  // namespace quench::ptq
