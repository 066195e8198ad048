#include "deploy/fused_network.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "core/batch_norm.h"
#include "core/elementwise.h"
#include "layers/activation.h"
#include "layers/add.h"
#include "layers/batch_norm.h"
#include "layers/conv2d.h"
#include "layers/dataflow.h"
#include "layers/slotted_module.h"
#include "support/error.h"

namespace quench::deploy {

class FusedNetwork::Operation {
 public:
  virtual ~Operation() = default;
  virtual Tensor run(std::vector<Tensor> inputs) = 0;
};

/// activation(conv(inputs[0]) + inputs[1]), where the second input may be missing.
class FusedNetwork::Convolution final : public Operation {
 public:
  explicit Convolution(const Conv2d& layer)
      : prepared_(layer.options().params),
        weight_(layer.weight().value()),
        bias_(layer.bias().defined() ? layer.bias().value() : Tensor()) {}

  void fold(BatchNorm& norm) {
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
  explicit ModuleCall(Module& module) : module_(module) {}
  Tensor run(std::vector<Tensor> inputs) override {
    const std::vector<Variable> variables(inputs.begin(), inputs.end());
    return module_(variables).value();
  }

 private:
  Module& module_;
};

/// Makes steps of the modules that one run of the network has called.
class FusedNetwork::Planner {
 public:
  Planner(Module& network, const Shape& image)
      : images_(Tensor::zeros(image)),
        flow_(network, images_),
        runs_(flow_.runs()),
        absorbed_(runs_.size(), false) {}

  std::vector<Step> plan() {
    std::vector<Step> steps;
    for (std::size_t i = 0; i < runs_.size(); ++i) {
      if (absorbed_[i]) continue;
      steps.push_back(dynamic_cast<const Conv2d*>(runs_[i].module) != nullptr ? convolution(i)
                                                                              : call(i));
    }
    note_last_reads(steps);
    return steps;
  }

  std::size_t output() const { return value_of(flow_.output()); }

 private:
  /// Value i + 1 is what run i has written.
  std::size_t value_of(const Tensor& tensor) const {
    const Dataflow::Run* writer = flow_.writer(tensor);
    if (writer != nullptr) return static_cast<std::size_t>(writer - runs_.data()) + 1;
    require(
        tensor.shares_storage_with(images_),
        "fused_network: expected a network whose every step is a module, got a function between "
        "two of them");
    return 0;
  }

  Step call(std::size_t i) const {
    Step step{std::make_unique<ModuleCall>(*runs_[i].module), {}, i + 1, {}};
    for (const Tensor& input : runs_[i].inputs) step.inputs.push_back(value_of(input));
    return step;
  }

  Step convolution(std::size_t i) {
    auto fused = std::make_unique<Convolution>(dynamic_cast<const Conv2d&>(*runs_[i].module));
    Step step{nullptr, {value_of(runs_[i].inputs[0])}, i + 1, {}};
    if (auto* norm = only_reader<BatchNorm>(step)) {
      fused->fold(*norm);
      absorb(step);
    }
    if (fused->activation == Activation::none) {
      if (const auto* activation = only_reader<ActivationLayer>(step)) {
        fused->activation = activation->activation();
        absorb(step);
      } else if (const auto* sum = only_reader<Add>(step); sum != nullptr && adds_to(step, i)) {
        fused->activation = sum->activation();
        absorb(step);
      }
    }
    step.operation = std::move(fused);
    return step;
  }

  /// The run that alone reads what `step` writes; its number, or none.
  std::optional<std::size_t> reader(const Step& step) const {
    const auto readers = flow_.readers(runs_[step.output - 1].output);
    if (readers.size() != 1) return std::nullopt;
    return static_cast<std::size_t>(readers[0] - runs_.data());
  }
  template <typename M>
  M* only_reader(const Step& step) const {
    const auto run = reader(step);
    return run ? dynamic_cast<M*>(runs_[*run].module) : nullptr;
  }

  void absorb(Step& step) {
    const std::size_t run = reader(step).value();
    absorbed_[run] = true;
    step.output = run + 1;
  }

  /// Whether the other operand of the sum that reads `step` may become its output: it is there when
  /// run `at` starts, and nobody wants it after that. If so, it is the step's second input.
  bool adds_to(Step& step, std::size_t at) const {
    const std::size_t sum = reader(step).value();
    const auto& operands = runs_[sum].inputs;
    const std::size_t own = step.output;
    const bool first = value_of(operands[0]) == own;
    const Tensor& other = operands[first ? 1 : 0];
    const std::size_t value = value_of(other);
    if (value == 0 || value == own || value > at) return false;
    for (std::size_t later = at; later < runs_.size(); ++later) {
      if (later == sum) continue;
      const auto reads = [&](const Tensor& input) { return input.shares_storage_with(other); };
      if (std::ranges::any_of(runs_[later].inputs, reads)) return false;
    }
    step.inputs.push_back(value);
    return true;
  }

  static void note_last_reads(std::vector<Step>& steps) {
    std::vector<bool> wanted(1 + steps.back().output, false);
    wanted[steps.back().output] = true;
    for (auto step = steps.rbegin(); step != steps.rend(); ++step) {
      for (const std::size_t input : step->inputs) {
        if (!wanted[input]) step->done.push_back(input);
        wanted[input] = true;
      }
    }
  }

  Tensor images_;
  Dataflow flow_;
  const std::vector<Dataflow::Run>& runs_;
  std::vector<bool> absorbed_;
};

FusedNetwork::FusedNetwork(Module& network, const Shape& image) {
  require(!is_quantized(network),
          "fused_network: expected a float network, got one with quantizers");
  Planner planner(network, image);
  steps_ = planner.plan();
  output_ = planner.output();
}

FusedNetwork::~FusedNetwork() = default;

Tensor FusedNetwork::operator()(const Tensor& images) {
  const NoGradGuard no_grad;
  std::vector<Tensor> values(output_ + 1);
  values[0] = images;
  for (const Step& step : steps_) {
    std::vector<Tensor> inputs;
    for (const std::size_t input : step.inputs) inputs.push_back(values[input]);
    for (const std::size_t value : step.done) values[value] = {};
    values[step.output] = step.operation->run(std::move(inputs));
  }
  return values[output_];
}

}  // namespace quench::deploy
