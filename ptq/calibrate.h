#pragma once

#include <cstdint>
#include <string>

#include "datasets/loader.h"
#include "layers/module.h"
#include "ptq/calibrator.h"
#include "ptq/reconstruction/options.h"

namespace quench::train {

/// [calibration]: what data do to a network without training, above all the ranges that quantizers
/// start from.
struct CalibrationOptions {
  std::int64_t batches = 10;      ///< of training images, in order and without augmentation; >= 1
  std::int64_t batch_size = 256;  ///< without the key as train.eval_batch_size
  /// Of weights and of activations: method, percentile, momentum, bins. Bits and slot are those of
  /// each quantizer.
  quant::CalibratorOptions weights;
  quant::CalibratorOptions activations;
  /// "float": all activations in one pass of the float network. "topological": each layer's with
  /// the layers before it quantized, in a pass of its own (Graffitist).
  std::string order = "float";
  /// "keep", or "replace": ReLU for every ReLU6 of the network, from the start and for good, so that
  /// equalize() reaches the layers around it; see ptq/relu6.h.
  std::string relu6 = "keep";
  bool equalize = false;     ///< before ranges are chosen: see ptq/equalize.h
  bool absorb_bias = false;  ///< after equalize, which it wants: see ptq/absorb_bias.h
  /// Before ranges are chosen, instead of equalize: see ptq/rescale_depthwise.h.
  bool depthwise_rescale = false;
  /// How the codes of weights are chosen once their ranges are, before those of activations: see
  /// ptq/reconstruction/reconstruct.h.
  ReconstructionOptions reconstruct;
  /// Once ranges are chosen: "none", or where correct_biases() takes its mean inputs from, "empirical" or
  /// "analytic".
  std::string bias_correction = "none";
};

/// Gives every quantizer of `network` the grid that data suggests, without training: a calibratable
/// one (quant::Calibratable) takes the range that the calibrator of its role chose, per tensor
/// or per channel as its granularity is; any other one observes the same data. Weights are float,
/// with what is folded into them, and batch norm and dropout work as in evaluation; neither weights
/// nor statistics change. Shows the batches on progress_bar().
///
/// @param images  of which the first `config.batches` batches are taken, or all if there are fewer
/// @throws std::invalid_argument  for config.batches < 1, or if a weight or activation holds NaN or
///                                infinity; the message names it
void calibrate(Module& network, const CalibrationOptions& config, datasets::Loader& images);

/// Its two halves, of weights and of activations. @throws  as calibrate()
void calibrate_weights(Module& network, const CalibrationOptions& config);
void calibrate_activations(Module& network, const CalibrationOptions& config,
                           datasets::Loader& images);

}  // namespace quench::train
