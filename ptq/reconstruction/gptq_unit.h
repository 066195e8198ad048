#pragma once

#include "ptq/reconstruction/reconstruct.h"
#include "ptq/reconstruction/units.h"
#include "ptq/reconstruction/value_flow.h"

namespace quench {

/// gptq() for each layer of a unit, in order, with the inputs that the network computes so far; each
/// group of a convolution is a problem of its own. Where H stays singular though damped ten, a hundred
/// and a thousand times as much, or has too many columns, the nearest codes stay.
/// @param flow  at the unit's first node, or before it
UnitReport gptq_unit(const Graph& graph, const ReconstructionUnit& unit, const ValueFlow& flow,
                     const GptqOptions& options);

}  // namespace quench
