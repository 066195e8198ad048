#pragma once

#include <string>
#include <vector>

#include "quant/registry.h"

namespace quench::quant {

/// One thing that every strategy has to keep, and whether one does.
struct PromiseCheck {
  std::string name;     ///< "evaluation equals the exported grid"
  int variants = 0;     ///< of role, bits and granularity that it applies to
  std::string failure;  ///< the first that broke it, and how; empty if none
};

/// Holds a registered strategy to what a Quantizer promises, in every role, bit width and
/// granularity that it says it has, early, midway and at the end of a short training:
///
///   - evaluation equals dequantize(quantize(x)) on the grid that is exported, exactly, for values
///     that are normal, zero, constant, huge, tiny, and for a channel of zeros; codes are integers
///     of the grid
///   - evaluation leaves an activation's grid alone, and maps infinities to its ends
///   - NaN is refused with a message that names the slot
///   - training gives finite values and gradients of the right shape
///   - gradients match the estimator that the strategy states (StrategyInfo::weight_gradient and
///     activation_gradient)
///   - trained values get a gradient, and the grid follows them
///   - saved and loaded, it goes on bit for bit
///   - the number of threads changes no bit
///   - bypassed, it hands on the very tensor
///
/// @throws std::invalid_argument  for an unknown name
std::vector<PromiseCheck> check_promise(const std::string& name);

}  // namespace quench::quant
