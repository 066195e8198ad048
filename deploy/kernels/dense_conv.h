#pragma once

#include <memory>

#include "deploy/kernels/conv_kernel.h"

namespace quench::deploy {

/// Convolutions as a product of matrices that is never laid out: windows of the padded image, in
/// tiles of a few pixels and output channels that stay in registers, times packed weights. For any
/// groups; each group is a product of its own. Not for Isa::scalar.
///
/// Of the kernels that the instruction set has (dense_*.cpp), the one with the lowest count of
/// instructions for these very weights.
std::unique_ptr<ConvKernel> make_dense_conv(const ConvProblem& problem, Isa isa);

}  // namespace quench::deploy
