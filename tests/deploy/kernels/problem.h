#pragma once

#include <cstdint>
#include <vector>

#include "deploy/kernels/conv_kernel.h"

// What the tests of kernels share.

namespace quench::deploy {

/// What the weights and the codes of a test are.
enum class Fill : std::uint8_t {
  random,       ///< in the whole range
  extreme,      ///< the largest code, the most negative weight
  alternating,  ///< 0 and the largest code by turns; weights of both ends by turns
};

struct Operands {
  ConvProblem problem;
  std::vector<std::uint8_t> image;  ///< [H][W][C]
};

/// Fills the weights with integers in [min_weight, max_weight] and makes an image for them.
Operands make_operands(ConvProblem problem, int min_weight, int max_weight, Fill fill,
                       std::uint64_t seed);

/// The sums by their definition, in 64 bits, [OH][OW][O].
std::vector<std::int64_t> naive_sums(const Operands& operands);

/// What the kernel gives with its image prepared in two parts and its pixels in strips of `strip`.
std::vector<std::int64_t> kernel_sums(const ConvKernel& kernel, const Operands& operands,
                                      std::int64_t strip);

/// The instruction sets that this machine has, up to best_isa().
std::vector<Isa> available_isas();

}  // namespace quench::deploy
