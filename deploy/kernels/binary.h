#pragma once

#include <memory>

#include "deploy/kernels/conv_kernel.h"

namespace quench::deploy {

/// Whether every code and every weight is -1 or +1, in one group: what the kernels below multiply
/// by one exclusive or.
bool is_binary(const ConvProblem& problem);

/// The fastest 1-bit kernel of an instruction set. @param problem  is_binary()
std::unique_ptr<ConvKernel> make_binary_conv(const ConvProblem& problem, Isa isa);

struct PopcountCode;

/// By counting bits, see binary_popcount.h.
std::unique_ptr<ConvKernel> make_popcount_conv(const ConvProblem& problem,
                                               const PopcountCode& code);
/// By looking sums up, see binary_lookup.h; for AVX2.
std::unique_ptr<ConvKernel> make_lookup_conv(const ConvProblem& problem);

}  // namespace quench::deploy
