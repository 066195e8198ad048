#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "datasets/loader.h"
#include "layers/module.h"
#include "ptq/calibrator.h"
#include "ptq/reconstruction/options.h"

namespace quench::ptq {

/// [calibration]: how to adapt a network to data without training, above all the initial ranges of
/// quantizers.
struct CalibrationOptions {
  std::int64_t batches = 10;      ///< of training images, without augmentation; >= 1
  std::int64_t batch_size = 256;  ///< default: train.eval_batch_size
  /// Draws the images at random; without it they are the first ones, in order.
  std::optional<std::uint64_t> sample_seed = std::nullopt;
  /// For weights and for activations: method, percentile, momentum, bins. Bits and slot come from
  /// each quantizer.
  CalibratorOptions weights;
  CalibratorOptions activations;
  /// "float": calibrates all activations in one pass of the float network. "topological":
  /// calibrates each layer in a separate pass, with the layers before it quantized (Graffitist).
  std::string order = "float";
  /// "keep", or "replace": replaces every ReLU6 of the network permanently by ReLU, before
  /// everything else, so that equalize() applies to the layers around it; see replace_relu6().
  std::string relu6 = "keep";
  bool equalize = false;     ///< before ranges are chosen; see ptq/equalize.h
  bool absorb_bias = false;  ///< after equalize, which it requires; see ptq/absorb_bias.h
  /// Before ranges are chosen, instead of equalize; see ptq/rescale_depthwise.h.
  bool depthwise_rescale = false;
  /// How the codes of weights are chosen, after their ranges and before the ranges of activations;
  /// see ptq/reconstruction/reconstruct.h.
  ReconstructionOptions reconstruct;
  /// After ranges are chosen: "none", or the source of the mean inputs for correct_biases():
  /// "empirical" or "analytic".
  std::string bias_correction = "none";
};

/// Sets the grid of every quantizer of `network` from data, without training: a calibratable one
/// (quant::Calibratable) gets the range chosen by the calibrator of its role, per tensor or per
/// channel according to its granularity; any other one observes the same data. Weights are float,
/// including folded batch norms; batch norm and dropout work as in evaluation. Neither weights nor
/// statistics change. Shows the batches on progress_bar().
///
/// @param images  the first `config.batches` batches are used, or all if there are fewer
/// @throws std::invalid_argument  for config.batches < 1, or if a weight or activation contains NaN
///                                or infinity; the message names it
void calibrate(layers::Module& network, const CalibrationOptions& config, datasets::Loader& images);

/// The two halves of calibrate(), for weights and for activations. @throws  as calibrate()
void calibrate_weights(layers::Module& network, const CalibrationOptions& config);
void calibrate_activations(layers::Module& network, const CalibrationOptions& config,
                           datasets::Loader& images);

}  // namespace quench::ptq
