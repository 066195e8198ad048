#pragma once

#include <string>
#include <vector>

#include "core/tensor.h"
#include "layers/module.h"
#include "ptq/reconstruction/options.h"

namespace quench {

/// What became of a unit: the loss of its output on the calibration images, with each weight's nearest
/// code and with those that were chosen.
struct UnitReport {
  std::string unit;
  double nearest = 0.0;
  double chosen = 0.0;
  std::string note;  ///< why it has not what the method would have chosen; empty: it has
};

struct ReconstructionReport {
  std::string method;
  std::vector<UnitReport> units;
};

/// Chooses the codes of quantized weights, one unit after the other, so that each unit's output changes
/// least on calibration images, given what the units before it compute with their codes. No labels, and
/// nothing else of the network changes. Each weight becomes its code times the scale, in the float
/// network underneath too, so that the nearest code is the one chosen.
///
/// Weights must have their grids (calibrate_weights()). Activations are not quantized meanwhile. Shows
/// the units on progress_bar(), each with its loss.
///
/// @param images  [N, C, H, W]
/// @throws std::invalid_argument  if no weight is quantized, or one by a method whose scale follows
///                                from the weight; the message names it
ReconstructionReport reconstruct(Module& network, const ReconstructionOptions& options,
                                 const Tensor& images);

}  // namespace quench
