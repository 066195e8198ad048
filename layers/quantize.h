#pragma once

#include <string>
#include <vector>

#include "core/settings.h"
#include "layers/module.h"
#include "layers/slotted_module.h"
#include "quant/policy.h"

namespace quench {

/// Fills the quantizer slots of every layer, sum, pool, product and function as the policy decides.
/// First and last are meant in
/// order of registration, which is that of execution in all networks here.
/// @throws std::invalid_argument  if the policy has a rule for no layer or an unknown setting
void quantize(Module& network, quant::Policy policy);

/// What a module with slots and no weight is to the policy.
quant::OperandKind operand_kind(const SlottedModule& module);

/// Where [quant] does less, or more, for this network than its keys suggest: a sentence each. Rules for
/// modules that the network lacks (configs serve many networks), and method "none" beside rules that
/// quantize all the same.
std::vector<std::string> quantization_notes(Module& network, const Settings& quant);

}  // namespace quench
