#pragma once

#include <cstdint>
#include <vector>

#include "kernels/conv_kernel.h"

// Shared by the tests of kernels.

namespace quench::kernels {

/// How the weights and codes of a test are chosen.
enum class Fill : std::uint8_t {
  random,       ///< in the whole range
  extreme,      ///< the largest code, the most negative weight
  alternating,  ///< alternates 0 and the largest code, and weights of both ends
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

/// The kernel's result with the image prepared in two parts and pixels in strips of `strip`.
std::vector<std::int64_t> kernel_sums(const ConvKernel& kernel, const Operands& operands,
                                      std::int64_t strip);

/// The instruction sets that this machine has, up to best_isa().
std::vector<Isa> available_isas();

}  // namespace quench::kernels
