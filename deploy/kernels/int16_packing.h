#pragma once

#include <cstdint>
#include <vector>

#include "deploy/kernels/packed_dense.h"

// Products of u8 codes with s8 weights are cheapest in pairs: vpmaddubsw adds two of them, but in 16
// bits, and saturates: 255 * 127 twice is 64770 and becomes 32767. Whether that can happen is known
// from the weights: the largest sum of a pair has the largest code wherever the weight is positive,
// and 0 elsewhere. So kernels that use it are exact without a test when they run.

namespace quench::deploy {

/// How much weight of one sign may meet in one 16-bit sum for it to fit.
struct PairLimit {
  int positive = 0, negative = 0;

  /// 32767 and 32768 over the largest code.
  explicit PairLimit(std::uint8_t input_max);
  PairLimit(int positive_in, int negative_in) : positive(positive_in), negative(negative_in) {}
};

/// Steps of 4 codes none of whose weights leaves s8 and none of whose pairs exceeds the limit, with
/// the same sums: a step that does is split into several with the same codes.
std::vector<WeightStep> split_steps(const std::vector<WeightStep>& steps, const PairLimit& limit);

/// Steps in groups of up to kMaxDepth whose pairs, added up in 16 bits, fit them too: what few
/// instructions widen. The order of a sum's terms is free, so heavy steps go with light ones:
/// first-fit, heaviest first.
/// @param steps  as split_steps() gives them
std::vector<std::vector<WeightStep>> group_steps(std::vector<WeightStep> steps,
                                                 const PairLimit& limit);

/// Steps in their order, cut into as long sequences of pairs of steps as fit 16 bits.
/// @param steps   an even number, as split_steps() gives them
/// @return        the numbers of pairs of steps; each >= 1. Empty if two steps do not fit.
std::vector<std::int32_t> narrow_pairs(const std::vector<WeightStep>& steps,
                                       const PairLimit& limit);

}  // namespace quench::deploy
