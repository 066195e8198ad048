#include <doctest/doctest.h>

#include <cmath>

#include "layers/models/binarynet.h"
#include "layers/models/resnet8.h"
#include "layers/random_network.h"
#include "ptq/fold.h"

namespace quench::ptq {
namespace {

using testing::deviation;
using testing::evaluated;
using testing::random_tensor;

const Shape kImage{1, 3, 32, 32};

TEST_CASE("fold_into_weights: the same function, names and shapes; the gain is in the weight") {
  Random random(1, "test");
  for (const bool residual : {true, false}) {
    const auto network = residual
                             ? layers::models::resnet8({.width = 0.25}, random)
                             : layers::models::binarynet(
                                   {.width = 1.0 / 32, .activation = Activation::relu}, random);
    testing::randomize(*network, 40);
    const Tensor images = random_tensor({2, 3, 32, 32}, 5);
    const Tensor before = evaluated(*network, images);
    const std::vector<layers::Parameter> parameters = network->parameters();

    const auto pairs = fold_into_weights(*network);
    CHECK(pairs.size() == (residual ? 7 : 5));
    CHECK(deviation(evaluated(*network, images), before) < 1e-4);
    for (const auto& [layer, norm] : pairs) {
      CAPTURE(layer->name());
      const ChannelAffine rest =
          fold_batch_norm(norm->gain().value(), norm->bias().value(), norm->running_mean(),
                          norm->running_var(), norm->params().eps);
      for (const float scale : rest.scale.span()) CHECK(std::abs(scale - 1.0f) < 2e-7f);
    }
    REQUIRE(network->parameters().size() == parameters.size());
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      CHECK(network->parameters()[i].name == parameters[i].name);
      CHECK(network->parameters()[i].value.shape() == parameters[i].value.shape());
    }
  }
}

TEST_CASE("fold_into_weights: the statistics are those of the new weight's output") {
  testing::ConvBuilder builder;
  layers::Sequential& network = *builder.conv(3, 4, 3, 1, Activation::relu).network;
  testing::randomize(network, 60);
  const Tensor images = random_tensor({4, 3, 9, 9}, 6);
  // Statistics of these images.
  layers::BatchNorm& norm = *layers::batch_norms(network)[0];
  norm.set_momentum(1.0f);
  network(Variable(images));

  fold_into_weights(network);
  const Tensor mean = norm.running_mean().clone(), variance = norm.running_var().clone();
  network(Variable(images));
  CHECK(deviation(mean, norm.running_mean()) < 1e-5);
  CHECK(deviation(variance, norm.running_var()) < 1e-5);
}

TEST_CASE("scale_output: the output before and after a ReLU takes the factor") {
  testing::ConvBuilder builder;
  layers::Sequential& network = *builder.conv(3, 4, 3, 1, Activation::relu).network;
  testing::randomize(network, 80);
  const BatchNormPair pair = fold_into_weights(network)[0];
  const Tensor images = random_tensor({2, 3, 9, 9}, 6);
  const Tensor before = evaluated(network, images);
  const Tensor factor = Tensor::from_row_major<float>({4}, {0.1f, 1.0f, 3.0f, 40.0f});
  scale_output(pair, factor);
  CHECK(deviation(evaluated(network, images), multiply_per_channel(before, factor)) < 1e-5);
}

}  // namespace
}  // namespace quench::ptq
