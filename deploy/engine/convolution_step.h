#pragma once

#include <memory>

#include "deploy/engine/engine_step.h"
#include "deploy/kernels/conv_kernel.h"

namespace quench::deploy {

/// The step of a Convolution: strips of output pixels, each summed by a kernel and taken to codes
/// while its sums are in the cache.
std::unique_ptr<Engine::Step> make_convolution_step(const IntegerNetwork& network,
                                                    const Operation& operation, Isa isa,
                                                    Products products);

/// The problem that a kernel for it solves.
ConvProblem conv_problem(const Convolution& convolution, const Value& input);

}  // namespace quench::deploy
