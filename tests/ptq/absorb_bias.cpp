#include "ptq/absorb_bias.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "layers/linear.h"
#include "layers/pool.h"
#include "layers/random_network.h"
#include "layers/shape_layers.h"
#include "ptq/equalize.h"

namespace quench::ptq {
namespace {

using testing::ConvBuilder;
using testing::deviation;
using testing::evaluated;
using testing::random_tensor;
using Names = std::vector<std::pair<std::string, std::string>>;

const Shape kImage{1, 3, 6, 6};

/// Gives the first batch norm mean 8 and deviation 1 in all channels but the first, which stays at 0,
/// and the statistics of `images`.
void raise_biases(layers::Sequential& network, const Tensor& images) {
  testing::randomize(network, 40);
  layers::BatchNorm& norm = *layers::batch_norms(network)[0];
  norm.set_momentum(1.0f);
  network.set_training(true);
  network(Variable(images));
  for (std::int64_t c = 0; c < 4; ++c) {
    norm.bias().mutable_value().data()[c] = c == 0 ? 0.0f : 8.0f;
    norm.gain().mutable_value().data()[c] = 1.0f;
  }
  norm.gain().mutable_value().bump_version();
  norm.bias().mutable_value().bump_version();
}

/// The output of the first batch norm, without its activation.
float smallest_of_high_channels(layers::Sequential& network, const Tensor& images) {
  struct First final : layers::ForwardObserver {
    void after(const layers::Module& module, Inputs, const Variable& output) override {
      if (dynamic_cast<const layers::BatchNorm*>(&module) != nullptr && !seen.defined())
        seen = output.value();
    }
    Tensor seen;
  } first;
  evaluated(network, images);
  float smallest = 100.0f;
  for (std::size_t i = 0; i < first.seen.span().size(); ++i)
    if (i % 4 != 0) smallest = std::min(smallest, first.seen.span()[i]);
  return smallest;
}

TEST_CASE("absorb_biases: c = beta - 3 g moves into a 1x1 reader, and the function stays") {
  ConvBuilder builder;
  layers::Sequential& network =
      *builder.conv(3, 4, 3, 1, Activation::relu).conv(4, 5, 1, 1, Activation::relu).network;
  const Tensor images = random_tensor({4, 3, 6, 6}, 5);
  raise_biases(network, images);
  fold_into_weights(network);
  // ReLU touches none of these values before or after: the smallest of 432 lies 3 deviations down.
  REQUIRE(smallest_of_high_channels(network, images) > 8.0f - 3.0f * 1.5f);
  const Tensor before = evaluated(network, images);
  const layers::BatchNorm& norm = *layers::batch_norms(network)[0];
  const Tensor mean = layers::batch_norms(network)[1]->running_mean().clone();

  const BiasAbsorptionReport report = absorb_biases(network);
  CHECK(report.pairs == Names{{"conv1", "conv2"}});
  CHECK(report.channels == 3);
  CHECK(report.excluded.empty());
  CHECK(norm.bias().value().data()[0] == 0.0f);
  const Tensor& weight = network.quantized_layers()[1]->weight().value();
  std::vector<double> lost(4);
  for (std::size_t c = 1; c < 4; ++c) {
    lost[c] = 5.0;  // 8 less 3 deviations of 1
    CHECK(norm.bias().value().span()[c] == doctest::Approx(3.0).epsilon(1e-3));
  }
  const std::vector<float> rows = weight.to_row_major();
  for (std::size_t o = 0; o < 5; ++o) {
    double share = 0.0;
    for (std::size_t c = 0; c < 4; ++c) share += double{rows[4 * o + c]} * lost[c];
    CHECK(double{mean.span()[o] - layers::batch_norms(network)[1]->running_mean().span()[o]} ==
          doctest::Approx(share).epsilon(1e-3));
  }
  // Where a value was below c, ReLU now clips it slightly.
  CHECK(deviation(evaluated(network, images), before) < 0.02);
  CHECK(absorb_biases(network).pairs.empty());
}

TEST_CASE("absorb_biases: through pool and flatten into a classifier's bias, otherwise unchanged") {
  for (const bool bias : {true, false}) {
    ConvBuilder builder;
    Random random(4, "test");
    layers::Sequential& network = *builder.conv(3, 4, 3, 1, Activation::relu).network;
    network.append("pool", std::make_shared<layers::AveragePool2d>(
                               Window2d{.kernel = {2, 2}, .stride = {2, 2}}));
    network.append("flatten", std::make_shared<layers::Flatten>());
    network.append(
        "fc",
        std::make_shared<layers::Linear>(
            layers::LinearOptions{.in_features = 36, .out_features = 5, .bias = bias}, random));
    const Tensor images = random_tensor({4, 3, 6, 6}, 5);
    raise_biases(network, images);
    fold_into_weights(network);
    const Tensor before = evaluated(network, images);
    const BiasAbsorptionReport report = absorb_biases(network);
    CHECK(deviation(evaluated(network, images), before) < 0.02);
    if (bias) {
      CHECK(report.pairs == Names{{"conv1", "fc"}});
    } else {
      CHECK(report.excluded == Names{{"conv1", "fc has no bias and no batch norm"}});
    }
  }
}

}  // namespace
}  // namespace quench::ptq
