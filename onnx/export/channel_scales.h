#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "deploy/network/integer_network.h"

// Runtimes make an integer kernel of a convolution that has codes, scales and a bias, and nothing else.
// These passes bring a network into that form.

namespace quench::deploy {

/// Folds the first step behind a convolution, such as a batch norm, into the scales of its channels and its
/// bias, if all its readers share that step. Weights keep their codes, negated where a factor is below 0.
///
/// Scales and biases are rounded in another order than in evaluation, so a value halfway between two codes
/// may take the other one. A convolution keeps its steps if its sums are pooled, or if its grid does not hold
/// the negated codes.
void fold_steps(IntegerNetwork& network);

/// A convolution, and how many of its channels have weights that were rounded to larger scales.
struct RaisedScales {
  std::string layer;
  std::int64_t channels = 0;
};

/// Makes biases fit. A fused kernel rounds the bias of a channel to the unit of its sums, the product of both
/// scales, and adds it in 32 bits. In a dead channel, whose weights are nearly 0, it does not fit and wraps
/// around silently. This rounds the weights of such a channel to the scale at which the largest sum with the
/// bias takes 30 bits. Each product then changes by at most 2^-23 of that sum.
std::vector<RaisedScales> fit_biases(IntegerNetwork& network);

}  // namespace quench::deploy
