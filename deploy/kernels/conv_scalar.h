#pragma once

#include <memory>

#include "deploy/kernels/conv_kernel.h"

namespace quench::deploy {

/// The loops that define the sums; for every convolution, on every CPU.
std::unique_ptr<ConvKernel> make_scalar_conv(const ConvProblem& problem);

}  // namespace quench::deploy
