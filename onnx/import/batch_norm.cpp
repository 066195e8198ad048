#include "onnx/import/batch_norm.h"

#include <algorithm>
#include <cmath>

#include "layers/batch_norm.h"
#include "onnx/import/constants.h"
#include "onnx/import/fusion.h"
#include "onnx/import/operators.h"
#include "support/error.h"

namespace quench::onnx {

NormNumbers read_norm(const Builder& builder, const OnnxNode& node, std::int64_t channels) {
  const auto& attributes = builder.attributes<BatchNormAttributes>(node);
  require(attributes.spatial == 1, "spatial: expected 1 (statistics per channel), got {}",
          attributes.spatial);
  require(attributes.training_mode == 0,
          "training_mode: expected 0, got {}: the network computes statistics from each batch "
          "(PyTorch: call network.eval() before torch.onnx.export)",
          attributes.training_mode);
  const auto numbers = [&](std::size_t i) {
    return vector_of(builder.constant(node, i), channels);
  };
  NormNumbers norm{.gain = numbers(1),
                   .bias = numbers(2),
                   .mean = numbers(3),
                   .variance = numbers(4),
                   .eps = attributes.epsilon,
                   // ONNX's momentum is the weight of the old statistics.
                   .momentum = 1.0f - attributes.momentum};
  require(norm.eps >= 0.0f && std::isfinite(norm.eps), "epsilon: expected at least 0, got {}",
          norm.eps);
  require(norm.momentum >= 0.0f && norm.momentum <= 1.0f, "momentum: expected 0 to 1, got {}",
          1.0f - norm.momentum);
  require(std::ranges::all_of(norm.variance, [&](float v) { return v + norm.eps > 0.0f; }),
          "expected variances above 0 together with epsilon {}", norm.eps);
  return norm;
}

void build_batch_norm(Builder& builder, const OnnxNode& node, const BatchNormAttributes&) {
  const bool flat = builder.activation(node).flat();
  const Value input = flat ? builder.activation(node) : builder.image(node);
  const NormNumbers numbers = read_norm(builder, node, input.channels);
  auto norm = std::make_shared<layers::BatchNorm>(
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

}  // namespace quench::onnx
