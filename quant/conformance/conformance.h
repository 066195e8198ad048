#pragma once

#include <string>
#include <vector>

#include "quant/registry.h"

namespace quench::quant {

/// One rule that every strategy must follow, and whether a strategy does.
struct PromiseCheck {
  std::string name;     ///< "evaluation equals the exported grid"
  int variants = 0;     ///< number of variants (role, bits, granularity) that the rule applies to
  std::string failure;  ///< the first variant that broke the rule, and how; empty if none
};

/// Checks that a registered strategy keeps the promises of Quantizer, in every role, bit width and
/// granularity that it declares, early, midway and at the end of a short training:
///
///   - evaluation equals dequantize(quantize(x)) on the grid that is exported, exactly, for values
///     that are normal, zero, constant, huge or tiny, and for a channel of zeros; codes are
///     integers of the grid
///   - evaluation does not change an activation's grid, and maps infinities to its ends
///   - NaN is rejected with a message that names the slot
///   - training gives finite values and gradients of the right shape
///   - gradients match the declared estimator (StrategyInfo::weight_gradient and
///     activation_gradient)
///   - trained values get a gradient, and the grid follows them
///   - a loaded state continues bit-exactly
///   - the number of threads does not change the result
///   - in bypass mode it returns the input tensor itself
///
/// @throws std::invalid_argument  for an unknown name
std::vector<PromiseCheck> check_promise(const std::string& name);

}  // namespace quench::quant
