#pragma once

#include "layers/module.h"
#include "quant/policy.h"

namespace quench {

/// Fills the quantizer slots of every layer, sum, pool, product and function as the policy decides.
/// First and last are meant in
/// order of registration, which is that of execution in all networks here.
/// @throws std::invalid_argument  if the policy has a rule for no layer or an unknown setting
void quantize(Module& network, quant::Policy policy);

}  // namespace quench
