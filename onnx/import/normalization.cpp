// Normalizations by each image's own statistics: GroupNormalization, InstanceNormalization,
// LayerNormalization, LRN.

#include "layers/normalization.h"

#include <utility>

#include "onnx/import/arrays.h"
#include "onnx/import/constants.h"
#include "onnx/import/operators.h"
#include "onnx/import/sizes.h"
#include "support/error.h"

namespace quench::onnx {
namespace {

void append_group_norm(Builder& builder, const OnnxNode& node, const Value& input,
                       const layers::GroupNorm::Options& options, const std::vector<float>& gain,
                       const std::vector<float>& bias) {
  require(options.eps >= 0.0f, "epsilon: expected at least 0, got {}", options.eps);
  auto norm = std::make_shared<layers::GroupNorm>(options);
  if (!builder.options().random_weights) {
    const auto copy = [](Variable to, const std::vector<float>& from) {
      to.mutable_value().copy_from(to_tensor(from));
    };
    copy(norm->gain(), gain);
    copy(norm->bias(), bias);
  }
  builder.append(node, std::move(norm), {input}, input);
}

/// Repeats each group's value for every channel of the group.
std::vector<float> repeated(const std::vector<float>& of_groups, std::int64_t channels) {
  const std::int64_t size = channels / std::ssize(of_groups);
  std::vector<float> result;
  for (const float value : of_groups)
    result.insert(result.end(), static_cast<std::size_t>(size), value);
  return result;
}

/// A group norm whose gain and bias, inputs 1 and 2, have `count` values each: per channel or per
/// group.
void append_group_norm(Builder& builder, const OnnxNode& node, const Value& input,
                       std::int64_t groups, std::int64_t count, float eps) {
  const auto numbers = [&](std::size_t i) {
    return repeated(vector_of(builder.constant(node, i), count), input.channels);
  };
  append_group_norm(builder, node, input,
                    {.channels = input.channels, .groups = groups, .eps = eps}, numbers(1),
                    numbers(2));
}

}  // namespace

void build_group_norm(Builder& builder, const OnnxNode& node,
                      const GroupNormAttributes& attributes) {
  const Value input = builder.image(node);
  const std::int64_t groups = attributes.num_groups;
  require(groups >= 1 && groups <= input.channels && input.channels % groups == 0,
          "num_groups: expected a divisor of the {} channels, got {}", input.channels, groups);
  // Before operator set 21, gain and bias are per group.
  const std::int64_t count = builder.model().opset < 21 ? groups : input.channels;
  append_group_norm(builder, node, input, groups, count, attributes.epsilon);
}

void build_instance_norm(Builder& builder, const OnnxNode& node,
                         const InstanceNormAttributes& attributes) {
  // Channels that a Reshape has joined form a group.
  const Value input = builder.numbers(node);
  const std::int64_t groups = input.dims()[0];
  require(
      input.layout == Layout::channels_first && input.channels % groups == 0 && same_order(input),
      "expected an input [N, C, H, W], or [N, groups, ...] of one, got {}", input.text());
  append_group_norm(builder, node, input, groups, groups, attributes.epsilon);
}

void build_layer_norm(Builder& builder, const OnnxNode& node,
                      const LayerNormAttributes& attributes) {
  const Value input = builder.activation(node);
  const std::size_t rank = sizes_of(input).size();
  require(axis_of(attributes.axis, rank) == rank - 1 &&
              static_cast<std::size_t>(input.channel_axis()) == rank - 1 && same_order(input),
          "axis: expected the channels of [N, H, W, C] or [N, C], got {} of {}", attributes.axis,
          input.text());
  const std::vector<float> gain = vector_of(builder.constant(node, 1), input.channels);
  const std::vector<float> bias = Builder::has_input(node, 2)
                                      ? vector_of(builder.constant(node, 2), input.channels)
                                      : std::vector<float>(gain.size());
  append_group_norm(builder, node, input,
                    {.channels = input.channels,
                     .eps = attributes.epsilon,
                     .over = layers::GroupNorm::Over::pixel},
                    gain, bias);
}

void build_lrn(Builder& builder, const OnnxNode& node, const LrnAttributes& attributes) {
  const Value input = builder.image(node);
  require(attributes.size >= 1, "size: expected at least 1, got {}", attributes.size);
  builder.append(
      node,
      std::make_shared<layers::LocalResponseNorm>(LocalResponseParams{.size = attributes.size,
                                                                      .alpha = attributes.alpha,
                                                                      .beta = attributes.beta,
                                                                      .bias = attributes.bias}),
      {input}, input);
}

}  // namespace quench::onnx
