// Elementwise functions: Relu, Clip, LeakyRelu, PRelu, Elu, Sigmoid and others; Dropout, Softmax,
// Identity.

#include <utility>

#include "layers/activation.h"
#include "onnx/import/arrays.h"
#include "onnx/import/constants.h"
#include "onnx/import/fusion.h"
#include "onnx/import/grids.h"
#include "onnx/import/operators.h"
#include "support/error.h"

namespace quench::onnx {
namespace {

float dropout_ratio(const Builder& builder, const OnnxNode& node) {
  if (!Builder::has_input(node, 1)) return builder.attributes<DropoutAttributes>(node).ratio;
  const std::vector<float> ratio = floats(builder.constant(node, 1));
  require(ratio.size() == 1, "ratio: expected one value, got {}", ratio.size());
  return ratio[0];
}

}  // namespace

void append_clamp(Builder& builder, const OnnxNode& node, const Value& input,
                  const ActivationRange& range) {
  const auto activation = activation_with(range);
  if (activation == Activation::none) return builder.set_output(node, input);
  std::shared_ptr<layers::Module> layer;
  if (activation) {
    layer = std::make_shared<layers::ActivationLayer>(*activation);
  } else {
    layer = std::make_shared<layers::PointwiseFunction>(Pointwise::clip(range.low, range.high));
  }
  builder.append(node, std::move(layer), {input}, input);
}

void append_function(Builder& builder, const OnnxNode& node, const Pointwise& function) {
  const Value input = builder.numbers(node);
  builder.append(node, std::make_shared<layers::PointwiseFunction>(function), {input}, input);
}

void build_relu(Builder& builder, const OnnxNode& node, const NoAttributes&) {
  append_clamp(builder, node, builder.numbers(node), clip_range(builder, node));
}

void build_clip(Builder& builder, const OnnxNode& node, const ClipAttributes&) {
  if (!narrows_grid(builder, node))
    append_clamp(builder, node, builder.numbers(node), clip_range(builder, node));
}

void build_leaky_relu(Builder& builder, const OnnxNode& node,
                      const LeakyReluAttributes& attributes) {
  append_function(builder, node, Pointwise::leaky_relu(attributes.alpha));
}

void build_hard_sigmoid(Builder& builder, const OnnxNode& node,
                        const HardSigmoidAttributes& attributes) {
  append_function(builder, node, Pointwise::hard_sigmoid(attributes.alpha, attributes.beta));
}

void build_elu(Builder& builder, const OnnxNode& node, const EluAttributes& attributes) {
  append_function(builder, node, Pointwise::elu(attributes.alpha));
}

void build_selu(Builder& builder, const OnnxNode& node, const SeluAttributes& attributes) {
  append_function(builder, node, Pointwise::elu(attributes.alpha, attributes.gamma));
}

void build_gelu(Builder& builder, const OnnxNode& node, const GeluAttributes& attributes) {
  require(attributes.approximate == "none" || attributes.approximate == "tanh",
          "approximate: expected none or tanh, got '{}'", attributes.approximate);
  const bool exact = attributes.approximate == "none";
  append_function(builder, node,
                  Pointwise(exact ? Pointwise::Kind::gelu : Pointwise::Kind::gelu_tanh));
}

void build_prelu(Builder& builder, const OnnxNode& node, const NoAttributes&) {
  const Value input = builder.aligned(builder.constant(node, 1), node);
  auto layer =
      std::make_shared<layers::PRelu>(to_tensor(per_channel(builder.constant(node, 1), input)));
  if (builder.options().random_weights) {
    // Initialized as in He et al. 2015 and PyTorch.
    Variable slope = layer->slope();
    slope.mutable_value().copy_from(Tensor::full(slope.shape(), 0.25f));
  }
  builder.append(node, std::move(layer), {input}, input);
}

void build_dropout(Builder& builder, const OnnxNode& node, const DropoutAttributes&) {
  const Value input = builder.numbers(node);
  const auto stream = static_cast<std::uint64_t>(&node - builder.model().nodes.data()) + 1;
  builder.append(node,
                 std::make_shared<layers::Dropout>(dropout_ratio(builder, node),
                                                   builder.random().fork(stream)),
                 {input}, input);
}

void build_softmax(Builder& builder, const OnnxNode& node, const AxisAttributes& attributes) {
  Value output = builder.numbers(node);
  const std::vector<std::int64_t> dims = output.dims();
  // Before operator set 13, Softmax covers all axes from `axis` on; since then, only that one.
  const bool alone = builder.model().opset >= 13;
  const std::int64_t given = attributes.axis.value_or(alone ? -1 : 1);
  const std::size_t axis = axis_of(given, dims.size() + 1);
  const auto covered = [&](std::size_t i) { return alone ? i == axis : i >= axis; };
  bool classes = axis > 0 && output.numel() == output.channels;
  for (std::size_t i = 1; i <= dims.size(); ++i)
    classes = classes && (dims[i - 1] == 1 || covered(i));
  require(classes, "axis: expected the classes of a network's output [N, classes], got {} of {}",
          given, output.text());
  output.probabilities = true;
  builder.set_output(node, std::move(output));
}

void build_identity(Builder& builder, const OnnxNode& node, const NoAttributes&) {
  builder.set_output(node, builder.bare_activation(node));
}

namespace {

/// Whether the node's output indexes a constant table in a Gather, possibly after an Add of
/// constants.
bool looks_up(const Builder& builder, const OnnxNode& node) {
  const OnnxNode* reader = builder.only_reader(node);
  if (reader != nullptr && reader->op == "Add") reader = builder.only_reader(*reader);
  return reader != nullptr && reader->op == "Gather" && builder.is_constant(*reader, 0);
}

}  // namespace

void build_cast(Builder& builder, const OnnxNode& node, const CastAttributes& attributes) {
  if (keeps_codes(builder, node, attributes))
    return builder.set_output(node, builder.bare_activation(node));
  require(!looks_up(builder, node),
          "its integers index a table, as in quench's own exports of frozen networks with "
          "functions, which cannot be imported; use the exported run, or its float network (quench "
          "export RUN --float)");
  require(is_float(attributes.to),
          "to: expected floats (1, 10, 11 or 16) for an activation, got type {}; use quantizers to "
          "round activations",
          attributes.to);
  builder.set_output(node, builder.bare_activation(node));
}

}  // namespace quench::onnx
