#include "onnx/import/fusion.h"

#include <cmath>

#include "onnx/import/batch_norm.h"
#include "onnx/import/constants.h"
#include "support/error.h"

namespace quench::onnx {
namespace {

/// A bound of Clip: an input since operator set 11, an attribute before. Exporters write the
/// largest float for a missing bound.
float bound(const Builder& builder, const OnnxNode& node, std::size_t input, const char* name,
            std::optional<float> attribute) {
  float value = attribute.value_or(ActivationRange::kUnbounded);
  if (builder.model().opset >= 11 && Builder::has_input(node, input)) {
    const std::vector<float> numbers = floats(builder.constant(node, input));
    require(numbers.size() == 1, "{}: expected one value, got {}", name, numbers.size());
    value = numbers[0];
  }
  const bool none = std::abs(value) >= std::numeric_limits<float>::max();
  return none ? ActivationRange::kUnbounded : value;
}

bool same(float a, float b) { return a == b || (std::isnan(a) && std::isnan(b)); }

/// @return  the node whose output the layer now computes
const OnnxNode& take_bias(Builder& builder, const OnnxNode& node, const Value& output,
                          LayerNumbers& layer) {
  const OnnxNode* reader = builder.only_reader(node);
  if (!layer.bias.empty() || reader == nullptr || reader->op != "Add") return node;
  const std::size_t other = reader->inputs[0] == node.output ? 1 : 0;
  if (!builder.is_constant(*reader, other)) return node;
  const OnnxTensor& constant = builder.constant(*reader, other);
  const auto channels = static_cast<std::size_t>(output.channel_axis());
  if (is_per_place(constant, output) ||
      axis_of_constant(constant, output).value_or(channels) != channels)
    return node;
  layer.bias = per_channel(constant, output);
  layer.bias_constant = &constant;
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

}  // namespace

ActivationRange clip_range(const Builder& builder, const OnnxNode& node) {
  if (node.op == "Relu") return range_of(Activation::relu);
  const auto& attributes = builder.attributes<ClipAttributes>(node);
  const ActivationRange range{bound(builder, node, 1, "min", attributes.min),
                              bound(builder, node, 2, "max", attributes.max)};
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

void take_bias_and_norm(Builder& builder, const OnnxNode& node, const Value& output,
                        LayerNumbers& layer) {
  const OnnxNode& last = take_bias(builder, node, output, layer);
  if (builder.options().fold_batch_norm && !layer.grid && !builder.shares_weight(node))
    take_batch_norm(builder, last, layer);
}

}  // namespace quench::onnx
