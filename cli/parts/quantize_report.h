#pragma once

#include <nlohmann/json.hpp>

#include "experiments/post_training.h"

namespace quench::command {

/// What quantization did and measured, for quantize.json. A float slot has no entry; a ratio that is
/// not finite, as of a slot without noise, is null.
nlohmann::json quantize_json(const train::PostTrainingResult& result);

/// The steps before and after calibration, in a line each; nothing if there were none.
void print_steps(const train::CalibrationReport& report);

/// A line for each layer; "exact" stands for no noise, "-" for a float slot. A line more for each
/// method that does not stand for the trained weights.
void print_layers(Module& network, const std::vector<train::LayerSqnr>& layers);

}  // namespace quench::command
