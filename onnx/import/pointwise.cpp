// Functions of one number: Relu, Clip, LeakyRelu, HardSigmoid, HardSwish, Sigmoid; Dropout, Softmax,
// Identity.

#include <utility>

#include "layers/activation.h"
#include "onnx/import/fusion.h"
#include "onnx/import/operators.h"
#include "support/error.h"

namespace quench::onnx_network {
namespace {

void append_function(Builder& builder, const OnnxNode& node, const Pointwise& function) {
  const Value input = builder.activation(node);
  builder.append(node, std::make_shared<PointwiseFunction>(function), {input}, input);
}

float dropout_ratio(const Builder& builder, const OnnxNode& node) {
  constexpr float kUsual = 0.5f;
  if (!Builder::has_input(node, 1)) return attribute(node, "ratio", kUsual);
  const std::vector<float> ratio = floats(builder.constant(node, 1));
  require(ratio.size() == 1, "ratio: expected one number, got {}", ratio.size());
  return ratio[0];
}

}  // namespace

void build_activation(Builder& builder, const OnnxNode& node) {
  const ActivationRange range = clip_range(builder, node);
  const auto activation = activation_with(range);
  if (!activation) return append_function(builder, node, Pointwise::clip(range.low, range.high));
  const Value input = builder.activation(node);
  if (*activation == Activation::none) return builder.set_output(node, input);
  builder.append(node, std::make_shared<ActivationLayer>(*activation), {input}, input);
}

void build_leaky_relu(Builder& builder, const OnnxNode& node) {
  append_function(builder, node, Pointwise::leaky_relu(attribute(node, "alpha", 0.01f)));
}

void build_hard_sigmoid(Builder& builder, const OnnxNode& node) {
  append_function(
      builder, node,
      Pointwise::hard_sigmoid(attribute(node, "alpha", 0.2f), attribute(node, "beta", 0.5f)));
}

void build_hard_swish(Builder& builder, const OnnxNode& node) {
  append_function(builder, node, Pointwise::hard_swish());
}

void build_sigmoid(Builder& builder, const OnnxNode& node) {
  append_function(builder, node, Pointwise::sigmoid());
}

void build_dropout(Builder& builder, const OnnxNode& node) {
  const Value input = builder.activation(node);
  const auto stream = static_cast<std::uint64_t>(&node - builder.model().nodes.data()) + 1;
  builder.append(
      node, std::make_shared<Dropout>(dropout_ratio(builder, node), builder.random().fork(stream)),
      {input}, input);
}

void build_softmax(Builder& builder, const OnnxNode& node) {
  Value output = builder.activation(node);
  const auto rank = static_cast<std::int64_t>(output.dims().size()) + 1;
  const std::int64_t axis =
      attribute(node, "axis", std::int64_t{builder.model().opset < 13 ? 1 : -1});
  require(output.numel() == output.channels && (axis < 0 ? axis + rank : axis) <= rank - 1,
          "expected the classes of a network's output, got {} along axis {}", output.text(), axis);
  output.probabilities = true;
  builder.set_output(node, std::move(output));
}

void build_identity(Builder& builder, const OnnxNode& node) {
  builder.set_output(node, builder.bare_activation(node));
}

}  // namespace quench::onnx_network
