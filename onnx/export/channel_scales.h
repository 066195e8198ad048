#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "deploy/network/integer_network.h"

// Runtimes use integer kernels for convolutions with codes, scales and a bias, and nothing else.
// These passes convert a network to that form.

namespace quench::onnx {

/// Folds the first step after a convolution, such as a batch norm, into its channel scales and
/// bias, if all readers share that step. Weights keep their codes, negated where a factor is below
/// 0.
///
/// Scales and biases are rounded in a different order than in evaluation, so a value halfway
/// between two codes may get the other code. A convolution keeps its steps if its sums are pooled,
/// or if its grid does not hold the negated codes.
void fold_steps(deploy::IntegerNetwork& network);

/// A convolution and the number of its channels whose weights were rounded to larger scales.
struct RaisedScales {
  std::string layer;
  std::int64_t channels = 0;
};

/// Makes biases fit. A fused kernel rounds a channel's bias to the unit of its sums, the product of
/// both scales, and adds it in 32 bits. In a dead channel, with weights near 0, the bias does not
/// fit and wraps around silently. This function rounds the weights of these channels to the scale
/// at which the largest sum plus bias takes 30 bits. Each product then changes by at most 2^-23 of
/// that sum.
std::vector<RaisedScales> fit_biases(deploy::IntegerNetwork& network);

}  // namespace quench::onnx
