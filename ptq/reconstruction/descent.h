#pragma once

#include "core/random.h"
#include "ptq/reconstruction/reconstruct.h"
#include "ptq/reconstruction/units.h"
#include "ptq/reconstruction/value_flow.h"

namespace quench {

/// A unit, and what flows into and out of it.
struct UnitFlows {
  const Graph& graph;
  const ReconstructionUnit& unit;
  const ValueFlow& quantized;      ///< at the unit's first node, or before it
  const FloatFlow& floating;       ///< the same of the float network
  const FloatFlow& float_targets;  ///< behind the unit, or before that
};

/// Finds the codes of a unit's weights, and the steps of its activations, with which its output is nearest
/// to that of the float network: by gradient descent over minibatches of calibration images, drawn
/// without repetition. Where nearest codes and the steps before do as well, or a loss is not finite,
/// those stay. Each iteration is a step of progress_bar().
UnitReport descend(const UnitFlows& flows, const DescentPlan& plan, Random random);

}  // namespace quench
