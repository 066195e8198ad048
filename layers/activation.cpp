#include "layers/activation.h"

#include "autograd/activation.h"
#include "autograd/shape_ops.h"
#include "core/communicator.h"
#include "support/error.h"

namespace quench::layers {

ValueId ActivationLayer::lower(Graph& graph, std::vector<ValueId> inputs) {
  return activation_ == Activation::none ? inputs.at(0) : Module::lower(graph, std::move(inputs));
}

Variable ActivationLayer::forward(const Variable& input) { return activate(input, activation_); }

Variable PointwiseFunction::forward(const Variable& input) {
  return apply(function_, input_quantizer().forward(input));
}

PRelu::PRelu(const Tensor& slope)
    : slope_(register_parameter("slope", slope.clone(), ParameterKind::norm)) {
  require(slope.rank() == 1 && slope.dim(0) >= 1, "prelu: expected a slope [C] or [1], got {}",
          slope.shape().to_string());
}

Variable PRelu::forward(const Variable& input) {
  require(input.shape().rank() >= 2, "{}: expected [N, C] or [N, C, H, W], got {}", name(),
          input.shape().to_string());
  const Variable slope = slope_.shape() == Shape{1} ? expand(slope_, input.shape()[1]) : slope_;
  return prelu(input_quantizer().forward(input), slope);
}

Dropout::Dropout(float probability, Random random)
    : probability_(probability),
      random_(random),
      position_(register_buffer("position", Tensor::zeros({1}, DType::f64))) {
  require(probability >= 0.0f && probability < 1.0f,
          "dropout: expected a probability in [0, 1), got {}", probability);
}

ValueId Dropout::lower(Graph&, std::vector<ValueId> inputs) { return inputs.at(0); }

Variable Dropout::forward(const Variable& input) {
  if (!training() || probability_ == 0.0f) return input;
  // The ranks' images are consecutive parts of the batch that a single process would have.
  const auto size = static_cast<double>(input.value().numel());
  double& position = *position_.data<double>();
  random_.seek(static_cast<std::uint64_t>(position + size * communicator().rank()));
  position += size * communicator().size();
  return dropout(input, probability_, random_);
}

}  // namespace quench::layers
