#include "ptq/bias_correction.h"

#include <cmath>
#include <numbers>

#include "core/ops/elementwise.h"
#include "layers/module.h"
#include "ptq/expected_input.h"
#include "ptq/fold.h"
#include "ptq/input_channels.h"
#include "support/error.h"

namespace quench {
namespace {

ExpectedInputs expected_inputs(Module& network, const std::vector<Tensor>& batches,
                               ExpectedInput mode) {
  ExpectedInputs means = mean_inputs(network, batches);
  if (mode == ExpectedInput::empirical) return means;
  for (const auto& [layer, mean] : batch_norm_means(network)) means.insert_or_assign(layer, mean);
  return means;
}

/// By how much the layer's quantized weight shifts its output in the mean, [O].
Tensor shift_of(QuantizedLayer& layer, const Tensor& expected_input) {
  const Variable weight = layer.effective_weight();
  const Tensor quantized = layer.weight_quantizer().forward(weight).value();
  return mean_output_error(weight.value(), quantized, expected_input);
}

void subtract_from(Variable bias, const Tensor& shift) {
  bias.mutable_value().copy_from(subtract(bias.value(), shift));
}

/// A batch norm that is not part of the layer's weight multiplies the shift as it does the rest.
void correct(BatchNorm& norm, const QuantizedLayer& layer, const Tensor& shift) {
  if (layer.folded() != nullptr) return subtract_from(norm.bias(), shift);
  const Tensor scale = fold_batch_norm(norm.gain().value(), norm.bias().value(),
                                       norm.running_mean(), norm.running_var(), norm.params().eps)
                           .scale;
  subtract_from(norm.bias(), multiply(shift, scale));
}

std::map<const QuantizedLayer*, BatchNorm*> norms_by_layer(Module& network) {
  std::map<const QuantizedLayer*, BatchNorm*> result;
  for (const auto& [layer, norm] : batch_norm_pairs(network)) result.emplace(layer, norm);
  return result;
}

}  // namespace

BiasCorrectionReport correct_biases(Module& network, const std::vector<Tensor>& batches,
                                    ExpectedInput mode) {
  require(!batches.empty(), "correct_biases: expected at least one batch of images, got none");
  // All expectations first: a correction restores what they assume.
  const ExpectedInputs expected = expected_inputs(network, batches, mode);
  const auto norms = norms_by_layer(network);

  const NoGradGuard no_grad;
  const ModeGuard modes(network, false, quant::Mode::evaluation);
  BiasCorrectionReport report;
  for (QuantizedLayer* layer : network.quantized_layers()) {
    if (!layer->weight_quantizer().quantizes()) continue;
    const auto norm = norms.find(layer);
    const auto input = expected.find(layer);
    if (input == expected.end()) {
      report.skipped.emplace_back(layer->name(), "it did not run");
    } else if (norm != norms.end()) {
      correct(*norm->second, *layer, shift_of(*layer, input->second));
      report.corrected.push_back(layer->name());
    } else if (layer->bias().defined()) {
      subtract_from(layer->bias(), shift_of(*layer, input->second));
      report.corrected.push_back(layer->name());
    } else {
      report.skipped.emplace_back(layer->name(), "no bias and no batch norm follow it directly");
    }
  }
  return report;
}

Tensor mean_output_error(const Tensor& weight, const Tensor& quantized,
                         const Tensor& expected_input) {
  require(weight.shape() == quantized.shape(),
          "mean_output_error: expected equal shapes, got {} and {}", weight.shape().to_string(),
          quantized.shape().to_string());
  const InputChannels channels(weight, expected_input.dim(0));
  Tensor error(Shape{weight.dim(0)});
  const std::int64_t slice = weight.numel() / weight.dim(0);
  for (std::int64_t o = 0; o < weight.dim(0); ++o) {
    double sum = 0.0;
    for (std::int64_t i = o * slice; i < (o + 1) * slice; ++i) {
      const double epsilon =
          static_cast<double>(quantized.data()[i]) - static_cast<double>(weight.data()[i]);
      sum += epsilon * static_cast<double>(expected_input.data()[channels.of(i)]);
    }
    error.data()[o] = static_cast<float>(sum);
  }
  return error;
}

double clipped_normal_mean(double mean, double std, const ActivationRange& range) {
  if (std == 0.0) return static_cast<double>(range.clamp(static_cast<float>(mean)));
  const auto density = [](double z) {
    return std::exp(-0.5 * z * z) / std::sqrt(2.0 * std::numbers::pi);
  };
  const auto cumulative = [](double z) { return 0.5 * std::erfc(-z / std::numbers::sqrt2); };
  double result = 0.0, inside = 1.0;
  if (!std::isnan(range.low)) {
    const double low = static_cast<double>(range.low), a = (low - mean) / std;
    result += low * cumulative(a) + std * density(a);
    inside -= cumulative(a);
  }
  if (!std::isnan(range.high)) {
    const double high = static_cast<double>(range.high), b = (high - mean) / std;
    result += high * cumulative(-b) - std * density(b);
    inside -= cumulative(-b);
  }
  return result + mean * inside;
}

}  // namespace quench
