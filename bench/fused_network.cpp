#include "bench/fused_network.h"

#include <algorithm>
#include <utility>

#include "core/ops/batch_norm.h"
#include "core/ops/elementwise.h"
#include "layers/activation.h"
#include "layers/arithmetic.h"
#include "layers/batch_norm.h"
#include "layers/conv2d.h"
#include "layers/graph.h"
#include "layers/quantizable_module.h"
#include "support/error.h"

namespace quench::bench {

class FusedNetwork::Operation {
 public:
  virtual ~Operation() = default;
  virtual Tensor run(std::vector<Tensor> inputs) = 0;
};

/// activation(conv(inputs[0]) + inputs[1]), where the second input may be missing.
class FusedNetwork::Convolution final : public Operation {
 public:
  explicit Convolution(const layers::Conv2d& layer)
      : prepared_(layer.options().params),
        weight_(layer.weight().value()),
        bias_(layer.bias().defined() ? layer.bias().value() : Tensor()) {}

  void fold(layers::BatchNorm& norm) {
    const ChannelAffine affine =
        fold_batch_norm(norm.gain().value(), norm.bias().value(), norm.running_mean(),
                        norm.running_var(), norm.params().eps);
    weight_ = multiply_per_slice(weight_, affine.scale);
    bias_ = bias_.defined() ? add(multiply(bias_, affine.scale), affine.shift) : affine.shift;
    activation = norm.params().activation;
  }

  Tensor run(std::vector<Tensor> inputs) override {
    Tensor addend = inputs.size() == 2 ? std::move(inputs[1]) : Tensor();
    return prepared_.infer(inputs[0], weight_, bias_, activation, std::move(addend));
  }

  Activation activation = Activation::none;

 private:
  PreparedConv2d prepared_;
  Tensor weight_, bias_;
};

class FusedNetwork::ModuleCall final : public Operation {
 public:
  explicit ModuleCall(layers::Module& module) : module_(module) {}
  Tensor run(std::vector<Tensor> inputs) override {
    const std::vector<Variable> variables(inputs.begin(), inputs.end());
    return module_(variables).value();
  }

 private:
  layers::Module& module_;
};

/// Builds the steps from the network's layers.
class FusedNetwork::Planner {
 public:
  explicit Planner(layers::Module& network)
      : graph_(network), absorbed_(graph_.nodes().size(), false) {}

  std::vector<Step> plan() {
    std::vector<Step> steps;
    for (const Node& node : graph_.nodes()) {
      if (absorbed_[node.output - 1]) continue;
      auto* const* conv = std::get_if<layers::Conv2d*>(&node.layer);
      steps.push_back(conv != nullptr ? convolution(node, **conv) : call(node));
    }
    std::vector<std::vector<layers::ValueId>> inputs;
    for (const Step& step : steps) inputs.push_back(step.inputs);
    const auto done = layers::last_reads(inputs, graph_.output());
    for (std::size_t i = 0; i < steps.size(); ++i) steps[i].done = done[i];
    return steps;
  }

  layers::ValueId output() const { return graph_.output(); }

 private:
  using Node = layers::Graph::Node;

  static Step call(const Node& node) {
    return {std::make_unique<ModuleCall>(*node.module), node.inputs, node.output, {}};
  }

  Step convolution(const Node& node, const layers::Conv2d& layer) {
    auto fused = std::make_unique<Convolution>(layer);
    Step step{nullptr, {node.inputs[0]}, node.output, {}};
    if (auto* norm = only_reader<layers::BatchNorm>(step)) {
      fused->fold(*norm);
      absorb(step);
    }
    if (fused->activation == Activation::none) {
      if (const auto* activation = only_reader<layers::ActivationLayer>(step)) {
        fused->activation = activation->activation();
        absorb(step);
      } else if (const auto* sum = only_reader<layers::Add>(step);
                 sum != nullptr && adds_to(step, node)) {
        fused->activation = sum->activation();
        absorb(step);
      }
    }
    step.operation = std::move(fused);
    return step;
  }

  /// The layer that is the only reader of the output of `step`, if it is of that kind.
  template <typename L>
  L* only_reader(const Step& step) const {
    const Node* reader = graph_.only_reader(step.output);
    auto* const* layer = reader == nullptr ? nullptr : std::get_if<L*>(&reader->layer);
    return layer == nullptr ? nullptr : *layer;
  }

  void absorb(Step& step) {
    const Node* reader = graph_.only_reader(step.output);
    absorbed_[reader->output - 1] = true;
    step.output = reader->output;
  }

  /// Whether the sum that reads `step` can be computed in the memory of its other operand: that
  /// operand exists when the convolution `at` starts, and nothing reads it later. If so, it becomes
  /// the step's second input.
  bool adds_to(Step& step, const Node& at) const {
    const Node* sum = graph_.only_reader(step.output);
    const layers::ValueId other = sum->inputs[sum->inputs[0] == step.output ? 1 : 0];
    if (other == layers::Graph::kInput || other == step.output || other >= at.output ||
        other == graph_.output())
      return false;
    for (const Node* reader : graph_.readers(other))
      if (reader != sum && reader->output >= at.output) return false;
    step.inputs.push_back(other);
    return true;
  }

  layers::Graph graph_;
  std::vector<bool> absorbed_;
};

FusedNetwork::FusedNetwork(layers::Module& network) {
  require(!layers::is_quantized(network),
          "fused_network: expected a float network, got one with quantizers");
  Planner planner(network);
  steps_ = planner.plan();
  output_ = planner.output();
}

FusedNetwork::~FusedNetwork() = default;

Tensor FusedNetwork::operator()(const Tensor& images) {
  const NoGradGuard no_grad;
  std::size_t largest = output_;
  for (const Step& step : steps_) largest = std::max(largest, step.output);
  std::vector<Tensor> values(largest + 1);
  values[0] = images;
  for (const Step& step : steps_) {
    std::vector<Tensor> inputs;
    for (const std::size_t input : step.inputs) inputs.push_back(values[input]);
    for (const std::size_t value : step.done) values[value] = {};
    values[step.output] = step.operation->run(std::move(inputs));
  }
  return values[output_];
}

}  // namespace quench::bench
