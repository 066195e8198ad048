#pragma once

#include "ptq/reconstruction/reconstruct.h"
#include "ptq/reconstruction/units.h"
#include "ptq/reconstruction/value_flow.h"

namespace quench {

/// gptq() for each layer of a unit, in order, with the inputs that the network computes so far; each
/// group of a convolution is a problem of its own. Where H stays singular though damped ten, a hundred
/// and a thousand times as much, the nearest codes stay.
/// @param flow  at the unit's first node, or before it
/// @throws std::logic_error  unless the unit suits gptq
UnitReport gptq_unit(const Graph& graph, const ReconstructionUnit& unit, const ValueFlow& flow,
                     const GptqOptions& options);

/// Whether the Hessian of each layer is of a size to work with: 8192 columns, or 1024 in greedy order.
bool suits_gptq(const ReconstructionUnit& unit, const GptqOptions& options);

}  // namespace quench
