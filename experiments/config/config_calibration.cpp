#include "experiments/config/config_calibration.h"

#include <limits>
#include <vector>

namespace quench::train {
namespace {

constexpr IntRange kPositive{1, std::numeric_limits<std::int64_t>::max()};

std::vector<std::string> calibrators() {
  std::vector<std::string> names;
  for (const auto& calibrator : quant::registered_calibrators()) names.push_back(calibrator.name);
  return names;
}

}  // namespace

CalibrationOptions read_calibration(const Settings& experiment, std::int64_t batch_size) {
  const Settings s = experiment.table("calibration");
  CalibrationOptions config;
  config.batches = s.integer("batches", config.batches, kPositive);
  config.batch_size = s.integer("batch_size", batch_size, kPositive);
  // The methods' own numbers serve weights and activations alike.
  quant::CalibratorOptions options;
  options.percentile = s.number("percentile", options.percentile, above(0.0, 100.0));
  options.momentum = s.number("momentum", options.momentum, {0.0, 1.0});
  options.bins = static_cast<int>(s.integer("bins", options.bins, {1, 65536}));
  config.weights = config.activations = options;
  config.weights.method = s.choice("weights", options.method, calibrators());
  config.activations.method = s.choice("activations", options.method, calibrators());
  config.order = s.choice("order", config.order, {"float", "topological"});
  config.relu6 = s.choice("relu6", config.relu6, {"keep", "replace"});
  config.equalize = s.boolean("equalize", config.equalize);
  config.absorb_bias = s.boolean("absorb_bias", config.absorb_bias);
  if (config.absorb_bias && !config.equalize)
    s.reject("absorb_bias", "false without equalize, which makes biases high");
  config.depthwise_rescale = s.boolean("depthwise_rescale", config.depthwise_rescale);
  if (config.depthwise_rescale && config.equalize)
    s.reject("depthwise_rescale", "false beside equalize, which evens out the same channels");
  config.bias_correction =
      s.choice("bias_correction", config.bias_correction, {"none", "empirical", "analytic"});
  s.finish();
  return config;
}

}  // namespace quench::train
