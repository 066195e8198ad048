#pragma once

#include "datasets/loader.h"
#include "layers/module.h"
#include "train/config_calibration.h"

namespace quench::train {

/// Gives every quantizer of `network` the grid that data suggests, without training: a calibratable
/// one (Quantizer::calibratable) takes the range that the calibrator of its role chose, per tensor
/// or per channel as its granularity is; any other one observes the same data. Weights are float,
/// with what is folded into them, and batch norm and dropout work as in evaluation; neither weights
/// nor statistics change. Shows the batches on progress_bar().
///
/// @param images  of which the first `config.batches` batches are taken, or all if there are fewer
/// @throws std::invalid_argument  for config.batches < 1, or if a weight or activation holds NaN or
///                                infinity; the message names it
void calibrate(Module& network, const CalibrationConfig& config, datasets::Loader& images);

}  // namespace quench::train
