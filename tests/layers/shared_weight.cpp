// Layers that share one weight: gradients, quantizers, state and cost.

#include <doctest/doctest.h>

#include <stdexcept>

#include "autograd/loss.h"
#include "layers/activation.h"
#include "layers/attach_quantizers.h"
#include "layers/composite.h"
#include "layers/conv2d.h"
#include "layers/graph.h"
#include "layers/linear.h"
#include "layers/pool.h"
#include "layers/reference.h"

namespace quench::layers {
namespace {

using testing::random_tensor;
using testing::same_bits;
using Bias = QuantizedLayer::Bias;

Conv2dOptions conv_options(int dilation) {
  return {.in_channels = 3,
          .out_channels = 3,
          .kernel_size = {3, 3},
          .params = {.padding = {dilation, dilation, dilation, dilation},
                     .dilation = {dilation, dilation}},
          .bias = true};
}

struct Network {
  Sequential modules;
  QuantizedLayer* first = nullptr;
  QuantizedLayer* second = nullptr;
};

/// conv1, relu, conv2 with twice the dilation, means of channels; conv2 shares conv1's weight, or has
/// its own equal one.
std::unique_ptr<Network> two_convolutions(bool shared, Bias bias = Bias::shared) {
  auto network = std::make_unique<Network>();
  Random random(1, "test");
  const auto first = std::make_shared<Conv2d>(conv_options(1), random);
  const auto second = shared ? std::make_shared<Conv2d>(conv_options(2), *first, bias)
                             : std::make_shared<Conv2d>(conv_options(2), random);
  network->modules.append("conv1", first);
  network->modules.append("relu", std::make_shared<ActivationLayer>(Activation::relu));
  network->modules.append("conv2", second);
  network->modules.append("pool", std::make_shared<GlobalAveragePool>());
  for (QuantizedLayer* layer : {first.get(), second.get()}) {
    Variable weight = layer->weight(), own_bias = layer->bias();
    weight.mutable_value().copy_from(random_tensor(weight.shape(), 2, 0.4f));
    if (own_bias.defined()) own_bias.mutable_value().copy_from(random_tensor({3}, 3));
  }
  network->first = first.get();
  network->second = second.get();
  return network;
}

Tensor images() { return random_tensor({4, 3, 6, 5}, 7); }

Tensor run_backward(Network& network) {
  Tensor labels({4}, DType::s32);
  for (std::int32_t i = 0; i < 4; ++i)
    labels.span<std::int32_t>()[static_cast<std::size_t>(i)] = i % 3;
  const Variable logits = network.modules(Variable(images()));
  cross_entropy(logits, labels).backward();
  return logits.value();
}

void check_sum(const Variable& shared, const Variable& a, const Variable& b) {
  for (std::size_t i = 0; i < shared.grad().span().size(); ++i)
    CHECK(shared.grad().span()[i] ==
          doctest::Approx(a.grad().span()[i] + b.grad().span()[i]).epsilon(1e-5));
}

TEST_CASE("shared weight: its gradient is the sum of separate layers' gradients") {
  const auto shared = two_convolutions(true), apart = two_convolutions(false);
  CHECK(same_bits(run_backward(*shared), run_backward(*apart)));
  check_sum(shared->first->weight(), apart->first->weight(), apart->second->weight());
  check_sum(shared->first->bias(), apart->first->bias(), apart->second->bias());
}

TEST_CASE("shared weight: one parameter, one slot, and separate input slots") {
  const auto network = two_convolutions(true, Bias::own);
  std::vector<std::string> names;
  for (const Parameter& parameter : network->modules.parameters()) names.push_back(parameter.name);
  CHECK(names == std::vector<std::string>{"conv1.weight", "conv1.bias", "conv2.bias"});
  attach_quantizers(network->modules,
                    quant::Policy(Settings::from({{"method", "lsq"}, {"bits", 4}})));
  CHECK(network->first->quantizers().size() == 2);
  CHECK(network->second->quantizers().size() == 1);
  CHECK(&network->first->weight_quantizer() == &network->second->weight_quantizer());
  CHECK(&network->first->input_quantizer() != &network->second->input_quantizer());
  CHECK(two_convolutions(true, Bias::none)->modules.parameters().size() == 2);
}

/// Counts how often a weight is quantized.
class Counter final : public quant::Quantizer {
 public:
  explicit Counter(int& passes)
      : Quantizer({.role = quant::Role::weight, .bits = 4, .slot = "test"}), passes_(passes) {}
  quant::QuantGrid grid() const override { return quant::signed_narrow_grid(4); }
  void observe(const Tensor&) override {}

 protected:
  Variable train_forward(const Variable& x) override {
    ++passes_;
    return x;
  }

 private:
  int& passes_;
};

TEST_CASE("shared weight: quantized once in each pass of training") {
  const auto network = two_convolutions(true);
  int passes = 0;
  network->first->set_weight_quantizer(std::make_unique<Counter>(passes));
  network->modules.set_quantizer_mode(quant::Mode::training);
  network->modules(Variable(images()));
  CHECK(passes == 1);
  network->modules(Variable(images()));
  CHECK(passes == 2);
  CHECK_THROWS_AS(network->second->set_weight_quantizer(std::make_unique<Counter>(passes)),
                  std::logic_error);
}

TEST_CASE("shared weight: evaluation on codes matches separate layers with equal quantizers") {
  const auto shared = two_convolutions(true), apart = two_convolutions(false);
  const NoGradGuard no_grad;
  for (Network* network : {shared.get(), apart.get()}) {
    attach_quantizers(network->modules,
                      quant::Policy(Settings::from({{"method", "symmetric"}, {"bits", 8}})));
    for_each_quantizer(network->modules, [](quant::Quantizer& quantizer) {
      quantizer.observe(random_tensor({64}, 5));
    });
    network->modules.set_training(false);
    network->modules.set_quantizer_mode(quant::Mode::evaluation);
  }
  const auto logits = [](Network& network) { return network.modules(Variable(images())).value(); };
  CHECK(same_bits(logits(*shared), logits(*apart)));
  // A changed weight is quantized again for both.
  for (Network* network : {shared.get(), apart.get()}) {
    for (QuantizedLayer* layer : {network->first, network->second}) {
      Variable weight = layer->weight();
      weight.mutable_value().copy_from(random_tensor(weight.shape(), 11, 0.3f));
      weight.mutable_value().bump_version();
    }
  }
  CHECK(same_bits(logits(*shared), logits(*apart)));
}

TEST_CASE("shared weight: its bytes count once, its multiply-accumulates for each use") {
  const auto network = two_convolutions(true);
  CHECK(network->first->weight_bytes() == 81 * 4);
  CHECK(network->second->weight_bytes() == 0);
  for (const LayerTrace& trace : trace_layers(network->modules, {1, 3, 6, 5}))
    CHECK(trace.macs == (6 * 5) * 3 * (3 * 3 * 3));
}

TEST_CASE("shared weight: shapes have to agree, and a shared bias has to exist") {
  Random random(1, "test");
  Conv2d conv({.in_channels = 3, .out_channels = 3}, random);
  CHECK_THROWS_WITH_AS(Conv2d({.in_channels = 3, .out_channels = 4}, conv, Bias::own),
                       doctest::Contains("expected a shared weight [4, 3, 3, 3], got [3, 3, 3, 3]"),
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(Conv2d({.in_channels = 3, .out_channels = 3}, conv, Bias::shared),
                       doctest::Contains("expected a layer with a bias to share"),
                       std::invalid_argument);
  Linear linear({.in_features = 3, .out_features = 3}, random);
  CHECK(Linear({.in_features = 3, .out_features = 3}, linear, Bias::none).weight().slot() ==
        linear.weight().slot());
}

}  // namespace
}  // namespace quench::layers
