#pragma once

#include <memory>

#include "deploy/engine/engine_step.h"

// The steps of operations that multiply nothing with weights. Each is given an operation of its kind.

namespace quench::deploy {

using MadeStep = std::unique_ptr<Engine::Step>;

MadeStep make_quantize_step(const IntegerNetwork& network, const Operation& operation);
MadeStep make_addition_step(const IntegerNetwork& network, const Operation& operation);
MadeStep make_multiplication_step(const IntegerNetwork& network, const Operation& operation);
MadeStep make_lookup_step(const IntegerNetwork& network, const Operation& operation);

MadeStep make_average_pool_step(const IntegerNetwork& network, const Operation& operation);
MadeStep make_max_pool_step(const IntegerNetwork& network, const Operation& operation);

MadeStep make_zero_pad_step(const IntegerNetwork& network, const Operation& operation);
MadeStep make_concatenation_step(const IntegerNetwork& network, const Operation& operation);

}  // namespace quench::deploy
