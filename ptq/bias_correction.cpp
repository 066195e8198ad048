#include "ptq/bias_correction.h"

#include <cmath>
#include <numbers>

#include "core/communicator.h"
#include "core/ops/elementwise.h"
#include "core/ops/reduce.h"
#include "core/parallel.h"
#include "layers/activation.h"
#include "layers/graph.h"
#include "layers/module.h"
#include "ptq/fold.h"
#include "ptq/input_channels.h"
#include "support/error.h"

namespace quench::ptq {
namespace {

ExpectedInputs expected_inputs(layers::Module& network, const std::vector<Tensor>& batches,
                               ExpectedInput mode) {
  ExpectedInputs means = mean_inputs(network, batches);
  if (mode == ExpectedInput::empirical) return means;
  for (const auto& [layer, mean] : batch_norm_means(network)) means.insert_or_assign(layer, mean);
  return means;
}

/// The mean shift of the layer's output due to its quantized weight, [O].
Tensor shift_of(layers::QuantizedLayer& layer, const Tensor& expected_input) {
  const Variable weight = layer.effective_weight();
  const Tensor quantized = layer.weight_quantizer().forward(weight).value();
  return mean_output_error(weight.value(), quantized, expected_input);
}

void subtract_from(Variable bias, const Tensor& shift) {
  bias.mutable_value().copy_from(subtract(bias.value(), shift));
}

/// A batch norm that is not folded into the weight scales the shift too.
void correct(layers::BatchNorm& norm, const layers::QuantizedLayer& layer, const Tensor& shift) {
  if (layer.folded() != nullptr) return subtract_from(norm.bias(), shift);
  const Tensor scale = fold_batch_norm(norm.gain().value(), norm.bias().value(),
                                       norm.running_mean(), norm.running_var(), norm.params().eps)
                           .scale;
  subtract_from(norm.bias(), multiply(shift, scale));
}

std::map<const layers::QuantizedLayer*, layers::BatchNorm*> norms_by_layer(
    layers::Module& network) {
  std::map<const layers::QuantizedLayer*, layers::BatchNorm*> result;
  for (const auto& [layer, norm] : batch_norm_pairs(network)) result.emplace(layer, norm);
  return result;
}

class InputMeans final : public layers::ForwardObserver {
 public:
  explicit InputMeans(layers::Module& network) : layers_(network.quantized_layers()) {
    for (const layers::QuantizedLayer* layer : layers_) totals_[layer];
  }

  void after(const layers::Module& module, Inputs inputs, const Variable&) override {
    const auto found = totals_.find(&module);
    if (found == totals_.end()) return;
    const Tensor& x = inputs[0].value();
    const Tensor sums = sum_per_channel(x);
    Total& total = found->second;
    total.sums.resize(static_cast<std::size_t>(sums.numel()));
    for (std::size_t c = 0; c < total.sums.size(); ++c)
      total.sums[c] += static_cast<double>(sums.span()[c]);
    total.count += static_cast<double>(x.numel()) / static_cast<double>(x.dim(1));
  }

  /// Over the batches of all ranks.
  ExpectedInputs means() {
    ExpectedInputs result;
    // In layer order, which is the same on all ranks; the map is ordered by address.
    for (const layers::QuantizedLayer* module : layers_) {
      Total& total = totals_.at(module);
      if (total.sums.empty()) continue;  // it did not run
      communicator().sum(total.sums);
      total.count = sum_over_ranks(total.count);
      Tensor mean(Shape{static_cast<std::int64_t>(total.sums.size())});
      for (std::size_t c = 0; c < total.sums.size(); ++c)
        mean.span()[c] = static_cast<float>(total.sums[c] / total.count);
      result.emplace(module, mean);
    }
    return result;
  }

 private:
  struct Total {
    std::vector<double> sums;
    double count = 0.0;
  };
  std::vector<layers::QuantizedLayer*> layers_;
  std::map<const layers::Module*, Total> totals_;
};

Tensor means_after(const layers::BatchNorm& norm, Activation activation) {
  const ActivationRange range = range_of(activation);
  return zip(norm.bias().value(), output_deviations(norm), [&range](float mean, float deviation) {
    return static_cast<float>(
        clipped_normal_mean(static_cast<double>(mean), static_cast<double>(deviation), range));
  });
}

/// Whether a layer preserves the mean of each channel.
bool keeps_means(const layers::Layer& layer) {
  return std::visit(
      layers::Overloaded{
          [](layers::OneOf<layers::Upsample, layers::AveragePool2d, layers::GlobalAveragePool,
                           layers::Flatten, layers::Unflatten> auto) { return true; },
          [](layers::OneOf<layers::Conv2d, layers::Linear, layers::BatchNorm, layers::GroupNorm,
                           layers::LocalResponseNorm, layers::ScaleShift, layers::ActivationLayer,
                           layers::PointwiseFunction, layers::PRelu, layers::Add, layers::Multiply,
                           layers::Extremum, layers::Concat, layers::SelectChannels,
                           layers::SelectPixels, layers::Pad, layers::BilinearResize,
                           layers::Rearrange, layers::MaxPool2d> auto) { return false; },
          [](const layers::CustomLayer&) { return false; }},
      layer);
}

const layers::BatchNorm* as_batch_norm(const layers::Graph::Node* node) {
  auto* const* norm = node == nullptr ? nullptr : std::get_if<layers::BatchNorm*>(&node->layer);
  return norm == nullptr ? nullptr : *norm;
}

/// The channel means of a value; undefined unless it comes from a batch norm through such layers.
Tensor means_of(const layers::Graph& graph, layers::ValueId value) {
  const layers::Graph::Node* node = graph.writer(value);
  while (node != nullptr && keeps_means(node->layer)) node = graph.writer(node->inputs[0]);
  if (node == nullptr) return {};
  if (const layers::BatchNorm* norm = as_batch_norm(node))
    return means_after(*norm, norm->params().activation);

  auto* const* activation = std::get_if<layers::ActivationLayer*>(&node->layer);
  if (activation == nullptr) return {};
  const layers::BatchNorm* norm = as_batch_norm(graph.writer(node->inputs[0]));
  if (norm == nullptr || norm->params().activation != Activation::none) return {};
  return means_after(*norm, (*activation)->activation());
}

}  // namespace

BiasCorrectionReport correct_biases(layers::Module& network, const std::vector<Tensor>& batches,
                                    ExpectedInput mode) {
  require(!batches.empty(), "correct_biases: expected at least one batch of images, got none");
  // All expectations first: they assume uncorrected biases.
  const ExpectedInputs expected = expected_inputs(network, batches, mode);
  const auto norms = norms_by_layer(network);

  const NoGradGuard no_grad;
  const layers::ModeGuard modes(network, false, quant::Mode::evaluation);
  BiasCorrectionReport report;
  for (layers::QuantizedLayer* layer : network.quantized_layers()) {
    if (!layer->weight_quantizer().quantizes()) continue;
    const auto norm = norms.find(layer);
    const auto input = expected.find(layer);
    if (layer->shares_weight()) {
      report.skipped.emplace_back(layer->name(), "its weight is shared with other layers");
    } else if (input == expected.end()) {
      report.skipped.emplace_back(layer->name(), "it did not run");
    } else if (norm != norms.end()) {
      correct(*norm->second, *layer, shift_of(*layer, input->second));
      report.corrected.push_back(layer->name());
    } else if (layer->bias().defined()) {
      subtract_from(layer->bias(), shift_of(*layer, input->second));
      report.corrected.push_back(layer->name());
    } else {
      report.skipped.emplace_back(layer->name(), "no bias, and no batch norm directly after it");
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

ExpectedInputs mean_inputs(layers::Module& network, const std::vector<Tensor>& batches) {
  const FixedOrderScope order;
  const NoGradGuard no_grad;
  const layers::ModeGuard modes(network, false, quant::Mode::bypass);
  InputMeans observer(network);
  for (const Tensor& images : batches) network(Variable(images));
  return observer.means();
}

ExpectedInputs batch_norm_means(layers::Module& network) {
  const layers::Graph graph(network);
  ExpectedInputs result;
  for (const layers::Graph::Node& node : graph.nodes()) {
    if (node.module->as_quantized_layer() == nullptr) continue;
    if (const Tensor means = means_of(graph, node.inputs[0]); means.defined())
      result.emplace(node.module, means);
  }
  return result;
}

Tensor output_deviations(const layers::BatchNorm& norm) {
  const float eps = norm.params().eps;
  return zip(norm.gain().value(), norm.running_var(), [eps](float gain, float variance) {
    const auto v = static_cast<double>(variance);
    return static_cast<float>(std::abs(static_cast<double>(gain)) *
                              std::sqrt(v / (v + static_cast<double>(eps))));
  });
}

}  // namespace quench::ptq
