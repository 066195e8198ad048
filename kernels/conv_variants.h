#pragma once

#include <memory>

#include "kernels/conv_kernel.h"

// The kernels that make_conv_kernel() chooses from.

namespace quench::kernels {

/// The loops that define the sums, for every convolution and CPU.
std::unique_ptr<ConvKernel> make_scalar_conv(const ConvProblem& problem);

/// Convolution as an implicit matrix product: windows of the padded image times packed weights, in
/// tiles of a few pixels and output channels that stay in registers. Supports any number of groups;
/// each group is a separate product. Not for Isa::scalar.
///
/// Selects the instruction set's kernel (dense_*.cpp) with the lowest cost of instructions for
/// these weights, among those that pack fast enough.
std::unique_ptr<ConvKernel> make_dense_conv(const ConvProblem& problem, Isa isa, Packing packing);

/// Depthwise convolution: groups, channels and output channels are equal. Supports any kernel size,
/// stride, dilation and padding. Not for Isa::scalar.
std::unique_ptr<ConvKernel> make_depthwise_conv(const ConvProblem& problem, Isa isa);

/// Whether every code and weight is -1 or +1, in one group, as the kernels below require.
bool is_binary(const ConvProblem& problem);

struct PopcountCode;

/// Popcount kernel, see binary_popcount.h.
std::unique_ptr<ConvKernel> make_popcount_conv(const ConvProblem& problem,
                                               const PopcountCode& code);
/// Lookup kernel, see binary_lookup.h; requires AVX2.
std::unique_ptr<ConvKernel> make_lookup_conv(const ConvProblem& problem);

}  // namespace quench::kernels
