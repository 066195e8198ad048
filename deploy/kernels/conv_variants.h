#pragma once

#include <memory>

#include "deploy/kernels/conv_kernel.h"

// What make_conv_kernel() chooses from.

namespace quench::deploy {

/// The loops that define the sums; for every convolution, on every CPU.
std::unique_ptr<ConvKernel> make_scalar_conv(const ConvProblem& problem);

/// Convolutions as a product of matrices that is never laid out: windows of the padded image, in
/// tiles of a few pixels and output channels that stay in registers, times packed weights. For any
/// groups; each group is a product of its own. Not for Isa::scalar.
///
/// Of the kernels that the instruction set has (dense_*.cpp), the one with the lowest count of
/// instructions for these very weights.
std::unique_ptr<ConvKernel> make_dense_conv(const ConvProblem& problem, Isa isa);

/// Convolutions of each channel with a kernel of its own: groups, channels and output channels are
/// as many. Any kernel size, stride, dilation and padding. Not for Isa::scalar.
std::unique_ptr<ConvKernel> make_depthwise_conv(const ConvProblem& problem, Isa isa);

/// Whether every code and every weight is -1 or +1, in one group: what the kernels below multiply
/// by one exclusive or.
bool is_binary(const ConvProblem& problem);

struct PopcountCode;

/// By counting bits, see binary_popcount.h.
std::unique_ptr<ConvKernel> make_popcount_conv(const ConvProblem& problem,
                                               const PopcountCode& code);
/// By looking sums up, see binary_lookup.h; for AVX2.
std::unique_ptr<ConvKernel> make_lookup_conv(const ConvProblem& problem);

}  // namespace quench::deploy
