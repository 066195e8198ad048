#pragma once

#include <cstdint>
#include <string>

#include "core/settings.h"
#include "quant/calibrator.h"

namespace quench::train {

/// [calibration]: what data do to a network without training, above all the ranges that quantizers
/// start from.
struct CalibrationConfig {
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
  /// equalize() reaches the layers around it; see layers/relu6.h.
  std::string relu6 = "keep";
  bool equalize = false;     ///< before ranges are chosen: see layers/equalize.h
  bool absorb_bias = false;  ///< after equalize, which it wants: see layers/absorb_bias.h
  /// Before ranges are chosen, instead of equalize: see layers/rescale_depthwise.h.
  bool depthwise_rescale = false;
  /// Once they are: "none", or where correct_biases() takes its mean inputs from, "empirical" or
  /// "analytic".
  std::string bias_correction = "none";
};

/// Reads and checks the table `calibration` of an experiment; without one, all defaults.
/// @param batch_size  without a key of its own
/// @throws std::invalid_argument  for unknown keys or methods, wrong types and values out of range
CalibrationConfig read_calibration(const Settings& experiment, std::int64_t batch_size);

}  // namespace quench::train
