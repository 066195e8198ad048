#pragma once

#include <string>
#include <vector>

#include "layers/module.h"
#include "layers/quantizable_module.h"
#include "quant/policy.h"
#include "support/settings.h"

namespace quench::layers {

/// Fills the quantizer slots of every layer, sum, pool, product and function according to the
/// policy. "First" and "last" refer to the order of registration, which is the order of execution
/// in every network here.
/// @throws std::invalid_argument  if the policy has a rule for a layer that does not exist, or an
///                                unknown setting
/// @throws std::logic_error  for a custom module that has slots but no weight
void attach_quantizers(Module& network, quant::Policy policy);

/// The policy's description of a layer.
/// @param layers  the network's quantized_layers(), of which `layer` is one
quant::LayerInfo layer_info(QuantizedLayer& layer, const std::vector<QuantizedLayer*>& layers);

/// The kind by which the policy treats a module with slots but no weight.
/// @throws std::logic_error  for a module of another kind
quant::OperandKind operand_kind(QuantizableModule& module);

/// One sentence for each key of [quant] whose effect on this network may surprise: rules for
/// modules that the network lacks (configs serve many networks), and method "none" combined with
/// rules that quantize.
std::vector<std::string> quantization_notes(Module& network, const Settings& quant);

}  // namespace quench::layers
