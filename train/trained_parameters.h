#pragma once

#include <string>
#include <vector>

#include "layers/module.h"

namespace quench::train {

/// The names of all kinds of parameters, as optimizer.train lists them: weight, bias, norm and
/// quantizer, see layers/parameter.h.
const std::vector<std::string>& parameter_kinds();

/// The network's parameters of these kinds. All others are frozen: they stand still, and no
/// gradient is computed for their sake.
/// @param kinds  of parameter_kinds()
/// @throws std::invalid_argument  if the network has no parameter of these kinds
std::vector<Parameter> trained_parameters(Module& network, const std::vector<std::string>& kinds);

}  // namespace quench::train
