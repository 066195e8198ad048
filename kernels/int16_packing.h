#pragma once

#include <cstdint>
#include <vector>

#include "kernels/packed_dense.h"

// Products of u8 codes and s8 weights are cheapest in pairs: vpmaddubsw adds two of them, but in 16
// bits with saturation: 255 * 127 twice is 64770 and becomes 32767. The weights determine whether
// that can happen: the largest sum of a pair has the largest code where the weight is positive, and
// 0 elsewhere. Kernels that use the instruction are therefore exact without a test at run time.

namespace quench::kernels {

/// The largest total weight per sign for which a 16-bit sum fits.
struct PairLimit {
  int positive = 0, negative = 0;

  /// 32767 and 32768 over the largest code.
  explicit PairLimit(std::uint8_t input_max);
  PairLimit(int positive_in, int negative_in) : positive(positive_in), negative(negative_in) {}
};

/// Splits steps of 4 codes such that every weight fits in s8 and no pair exceeds the limit. Sums
/// stay the same: a step that does not fit becomes several with the same codes.
std::vector<WeightStep> split_steps(const std::vector<WeightStep>& steps, const PairLimit& limit);

/// Groups up to kMaxDepth steps whose pairs fit in 16 bits when added, so that one widening serves
/// them all. The terms of a sum can be in any order, so heavy steps are grouped with light ones:
/// first-fit, heaviest first.
/// @param steps  from split_steps()
std::vector<std::vector<WeightStep>> group_steps(std::vector<WeightStep> steps,
                                                 const PairLimit& limit);

/// Cuts steps, in order, into the longest sequences of pairs of steps that fit in 16 bits.
/// @param steps   an even number, from split_steps()
/// @return        the numbers of pairs of steps; each >= 1. Empty if two steps do not fit.
std::vector<std::int32_t> narrow_pairs(const std::vector<WeightStep>& steps,
                                       const PairLimit& limit);

}  // namespace quench::kernels
