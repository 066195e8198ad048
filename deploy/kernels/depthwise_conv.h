#pragma once

#include <memory>

#include "deploy/kernels/conv_kernel.h"

namespace quench::deploy {

/// Convolutions of each channel with a kernel of its own: groups, channels and output channels are
/// as many. Any kernel size, stride, dilation and padding. Not for Isa::scalar.
std::unique_ptr<ConvKernel> make_depthwise_conv(const ConvProblem& problem, Isa isa);

}  // namespace quench::deploy
