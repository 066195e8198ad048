#pragma once

#include <string>
#include <vector>

#include "layers/module.h"
#include "layers/quantizable_module.h"
#include "quant/policy.h"
#include "support/settings.h"

namespace quench {

/// Fills the quantizer slots of every layer, sum, pool, product and function as the policy decides.
/// First and last are meant in
/// order of registration, which is that of execution in all networks here.
/// @throws std::invalid_argument  if the policy has a rule for no layer or an unknown setting
/// @throws std::logic_error  for a program's own module that has slots and no weight
void attach_quantizers(Module& network, quant::Policy policy);

/// The policy's kind of a module with slots and no weight.
/// @throws std::logic_error  for a module of another kind
quant::OperandKind operand_kind(QuantizableModule& module);

/// One sentence for each key of [quant] that does less or more for this network than it suggests:
/// rules for modules that the network lacks (configs serve many networks), and method "none" next to
/// rules that quantize.
std::vector<std::string> quantization_notes(Module& network, const Settings& quant);

}  // namespace quench
