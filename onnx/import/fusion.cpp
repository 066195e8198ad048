#include "onnx/import/fusion.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "layers/batch_norm.h"
#include "onnx/import/builder.h"
#include "onnx/import/constants.h"
#include "onnx/import/operators.h"
#include "support/error.h"

// Private to the folder.

namespace quench::onnx_network {
namespace {

/// The constants of a BatchNormalization node, as ONNX counts channels.
struct NormNumbers {
  std::vector<float> gain, bias, mean, variance;
  float eps = 1e-5f;
  float momentum = 0.1f;  ///< as in BatchNormParams: the weight of the new batch
};

/// @throws std::invalid_argument  unless there is one of each for `channels`
NormNumbers read_norm(const Builder& builder, const OnnxNode& node, std::int64_t channels) {
  require(attribute(node, "spatial", std::int64_t{1}) == 1,
          "expected statistics per channel, got spatial = 0");
  const auto numbers = [&](std::size_t i) {
    return vector_of(builder.constant(node, i), channels);
  };
  NormNumbers norm{.gain = numbers(1),
                   .bias = numbers(2),
                   .mean = numbers(3),
                   .variance = numbers(4),
                   .eps = attribute(node, "epsilon", 1e-5f),
                   // ONNX's is the weight of what was there before.
                   .momentum = 1.0f - attribute(node, "momentum", 0.9f)};
  require(norm.eps >= 0.0f && std::isfinite(norm.eps), "epsilon: expected at least 0, got {}",
          norm.eps);
  require(norm.momentum >= 0.0f && norm.momentum <= 1.0f, "momentum: expected 0 to 1, got {}",
          1.0f - norm.momentum);
  require(std::ranges::all_of(norm.variance, [&](float v) { return v + norm.eps > 0.0f; }),
          "expected variances above 0 together with epsilon {}", norm.eps);
  return norm;
}

void build_batch_norm(Builder& builder, const OnnxNode& node) {
  const Value input = builder.activation(node);
  require(input.flat() || input.layout == Layout::channels_first,
          "expected an input [N, C, H, W] or [N, F], got {} with channels last", input.text());
  const NormNumbers numbers = read_norm(builder, node, input.channels);
  auto norm = std::make_shared<BatchNorm>(
      input.channels, BatchNormParams{.eps = numbers.eps,
                                      .momentum = numbers.momentum,
                                      .activation = take_activation(builder, node)});
  if (!builder.options().random_weights) {
    const auto copy = [&](Tensor& to, const std::vector<float>& from) {
      to.copy_from(to_tensor(in_order(input, from)));
    };
    copy(norm->gain().mutable_value(), numbers.gain);
    copy(norm->bias().mutable_value(), numbers.bias);
    copy(norm->running_mean(), numbers.mean);
    copy(norm->running_var(), numbers.variance);
  }
  builder.append(node, std::move(norm), {input}, input);
}

/// A bound of Clip: an input from operator set 11 on, an attribute before. Exporters write the largest
/// float for none.
float bound(const Builder& builder, const OnnxNode& node, std::size_t input, const char* name) {
  float value = attribute(node, name, ActivationRange::kUnbounded);
  if (builder.model().opset >= 11 && Builder::has_input(node, input)) {
    const std::vector<float> numbers = floats(builder.constant(node, input));
    require(numbers.size() == 1, "{}: expected one number, got {}", name, numbers.size());
    value = numbers[0];
  }
  const bool none = std::abs(value) >= std::numeric_limits<float>::max();
  return none ? ActivationRange::kUnbounded : value;
}

bool same(float a, float b) { return a == b || (std::isnan(a) && std::isnan(b)); }

}  // namespace

ActivationRange clip_range(const Builder& builder, const OnnxNode& node) {
  if (node.op == "Relu") return range_of(Activation::relu);
  const ActivationRange range{bound(builder, node, 1, "min"), bound(builder, node, 2, "max")};
  require(!(range.low > range.high), "expected min <= max, got {} and {}", range.low, range.high);
  return range;
}

std::optional<Activation> activation_with(const ActivationRange& range) {
  for (const Activation activation :
       {Activation::none, Activation::relu, Activation::relu6, Activation::hardtanh}) {
    const ActivationRange of = range_of(activation);
    if (same(of.low, range.low) && same(of.high, range.high)) return activation;
  }
  return std::nullopt;
}

Activation take_activation(Builder& builder, const OnnxNode& node) {
  const OnnxNode* reader = builder.only_reader(node);
  if (reader == nullptr || (reader->op != "Relu" && reader->op != "Clip")) return Activation::none;
  if (reader->inputs[0] != node.output) return Activation::none;
  const auto activation = activation_with(clip_range(builder, *reader));
  if (!activation) return Activation::none;
  builder.absorb(*reader);
  return *activation;
}

void LayerNumbers::scale_output(std::int64_t channel, float factor) {
  const std::int64_t size = std::ssize(weight) / out_channels;
  for (std::int64_t i = channel * size; i < (channel + 1) * size; ++i)
    weight[static_cast<std::size_t>(i)] *= factor;
  if (!bias.empty()) bias[static_cast<std::size_t>(channel)] *= factor;
}

const OnnxNode& take_bias(Builder& builder, const OnnxNode& node, const Value& output,
                          LayerNumbers& layer) {
  const OnnxNode* reader = builder.only_reader(node);
  if (!layer.bias.empty() || reader == nullptr || reader->op != "Add") return node;
  const std::size_t other = reader->inputs[0] == node.output ? 1 : 0;
  if (!builder.is_constant(*reader, other)) return node;
  layer.bias = per_channel(builder.constant(*reader, other), output);
  layer.bias.resize(static_cast<std::size_t>(layer.out_channels), layer.bias[0]);
  builder.absorb(*reader);
  return *reader;
}

void take_batch_norm(Builder& builder, const OnnxNode& node, LayerNumbers& layer) {
  const OnnxNode* reader = builder.only_reader(node);
  if (reader == nullptr || reader->op != "BatchNormalization" || reader->inputs[0] != node.output)
    return;
  const NormNumbers norm = read_norm(builder, *reader, layer.out_channels);
  layer.bias.resize(static_cast<std::size_t>(layer.out_channels), 0.0f);
  for (std::int64_t c = 0; c < layer.out_channels; ++c) {
    const auto i = static_cast<std::size_t>(c);
    const double sigma = std::sqrt(double{norm.variance[i]} + double{norm.eps});
    const double factor = double{norm.gain[i]} / sigma;
    layer.scale_output(c, static_cast<float>(factor));
    layer.bias[i] = static_cast<float>(double{layer.bias[i]} + double{norm.bias[i]} -
                                       double{norm.mean[i]} * factor);
  }
  builder.absorb(*reader);
}

}  // namespace quench::onnx_network
