#pragma once

#include <map>

#include "autograd/variable.h"
#include "ptq/reconstruction/options.h"
#include "ptq/reconstruction/units.h"
#include "ptq/reconstruction/value_flow.h"

namespace quench::ptq {

/// The loss of d = a - target, `a` on the tape and the rest constants.
/// @param weight  w, of the shape of both; rank >= 2
/// @throws std::invalid_argument  if the shapes differ
Variable fisher_loss(const Variable& a, const Tensor& target, const Tensor& weight, Fisher kind);

/// |dK / dy| + 1 for each element y of a unit's outputs, of all images. K is the divergence of the logits
/// from those of the float network, averaged over 32 images; the network is quantized up to the unit and
/// float after it.
std::map<layers::ValueId, Tensor> fisher_weights(const layers::Graph& graph,
                                                 const ReconstructionUnit& unit,
                                                 const ValueFlow& quantized,
                                                 const FloatFlow& floating);

}  // namespace quench::ptq
