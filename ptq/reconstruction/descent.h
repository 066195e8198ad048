#pragma once

#include "core/random.h"
#include "ptq/reconstruction/reconstruct.h"
#include "ptq/reconstruction/units.h"
#include "ptq/reconstruction/value_flow.h"

namespace quench::ptq {

/// A unit and its inputs and outputs.
struct UnitFlows {
  const layers::Graph& graph;
  const ReconstructionUnit& unit;
  const ValueFlow& quantized;      ///< at the unit's first node, or before it
  const FloatFlow& floating;       ///< the same for the float network
  const FloatFlow& float_targets;  ///< at the end of the unit, or before it
};

/// Finds the codes of a unit's weights and the steps of its activations for which its output is
/// nearest to that of the float network, by gradient descent over minibatches of calibration
/// images, drawn without replacement. Keeps the nearest codes and the initial steps if they are at
/// least as good, or if a loss is not finite. Each iteration is a step of progress_bar().
UnitReport descend(const UnitFlows& flows, const DescentPlan& plan, Random random);

}  // namespace quench::ptq
