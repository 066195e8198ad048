#pragma once

#include "ptq/reconstruction/reconstruct.h"
#include "ptq/reconstruction/units.h"
#include "ptq/reconstruction/value_flow.h"

namespace quench::ptq {

/// Runs gptq() for each layer of a unit, in order, with the inputs from the network quantized so
/// far; each group of a convolution is a separate problem. If H stays singular even with 10, 100
/// and 1000 times the damping, the nearest codes are kept.
/// @param flow  at the unit's first node, or before it
/// @throws std::logic_error  unless the unit suits gptq
UnitReport gptq_unit(const layers::Graph& graph, const ReconstructionUnit& unit,
                     const ValueFlow& flow, const GptqOptions& options);

/// Whether the Hessian of each layer is small enough: at most 8192 columns, or 1024 in greedy
/// order.
bool suits_gptq(const ReconstructionUnit& unit, const GptqOptions& options);

}  // namespace quench::ptq
