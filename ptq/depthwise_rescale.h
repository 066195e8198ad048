#pragma once

#include <span>
#include <vector>

#include "core/tensor.h"

namespace quench::quant {

/// When an output that ReLU6 clips pins its channel, and how far another one may grow.
struct RescaleOptions {
  float lock_at = 5.9f;
  float cap = 6.0f;
};

/// What rescale_depthwise() chose.
struct DepthwiseRescale {
  std::vector<double> thresholds;  ///< T_k = max|W_dw[k]| before
  std::vector<bool> locked;
  double target = 0.0;          ///< T_0
  std::vector<double> factors;  ///< s_k
};

/// Evens out the ranges of a depthwise convolution's channels, whose output goes through ReLU or
/// ReLU6 into a 1x1 convolution (Goncharenko et al. 2018, section on depthwise rescaling), so that
/// one scale per tensor suits them all:
///
///   W_dw[k] *= s_k,  b_dw[k] *= s_k,  W_pw[:, k] /= s_k
///
///   ReLU   s_k = T_0 / T_k, T_0 the mean of all T_k
///   ReLU6  with X_k the largest value of channel k before the ReLU6: s_k = 1 where X_k >= lock_at;
///          else min(T_0 / T_k, cap / X_k), T_0 the mean over the locked channels, or over all if
///          none is. Where X_k <= 0 nothing limits s_k
///
/// The function stays, as long as no other channel comes to exceed the cap. s_k = 1 for a channel of
/// zeros. No addition may join between the two layers. Batch norm is to be folded first.
///
/// @param depthwise  [C, 1, KH, KW]; bias [C] or undefined; pointwise [O, C, 1, 1]: changed in place
/// @param largest    X_k, C values, for ReLU6; empty: ReLU
/// @throws std::invalid_argument  for other shapes, or values that are not finite
DepthwiseRescale rescale_depthwise(Tensor& depthwise, Tensor& bias, Tensor& pointwise,
                                   std::span<const float> largest = {},
                                   const RescaleOptions& options = {});
/// What it chooses, without applying it.
DepthwiseRescale choose_depthwise_rescale(const Tensor& depthwise,
                                          std::span<const float> largest = {},
                                          const RescaleOptions& options = {});

}  // namespace quench::quant
