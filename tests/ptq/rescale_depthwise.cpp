#include "ptq/rescale_depthwise.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "layers/random_network.h"
#include "ptq/fold.h"

namespace quench::ptq {
namespace {

using Names = std::vector<std::pair<std::string, std::string>>;
using testing::ConvBuilder;
using testing::deviation;
using testing::evaluated;
using testing::random_tensor;

/// pointwise, depthwise, pointwise with an activation between; random.
std::unique_ptr<layers::Sequential> separable(Activation activation) {
  ConvBuilder builder;
  builder.conv(3, 6, 1, 1, activation)
      .conv(6, 6, 3, 6, activation)
      .conv(6, 5, 1, 1, Activation::none);
  testing::randomize(*builder.network, 40);
  return std::move(builder.network);
}

/// max|w| of each channel of the depthwise layer.
std::vector<double> thresholds(layers::Module& network) {
  const Tensor& weight = network.quantized_layers()[1]->weight().value();
  std::vector<double> result(6);
  for (std::size_t i = 0; i < weight.span().size(); ++i)
    result[i / 9] = std::max(result[i / 9], std::abs(double{weight.span()[i]}));
  return result;
}

TEST_CASE(
    "rescale_depthwise: with ReLU every channel reaches the mean, and the function does not "
    "change") {
  const auto network = separable(Activation::relu);
  const Tensor images = random_tensor({4, 3, 6, 6}, 5);
  fold_into_weights(*network);
  const Tensor before = evaluated(*network, images);
  double mean = 0.0;
  for (const double t : thresholds(*network)) mean += t / 6.0;
  const DepthwiseRescaleReport report = rescale_depthwise(*network, {images});
  CHECK(report.pairs == Names{{"conv2", "conv3"}});
  CHECK(report.locked == 0);
  for (const double t : thresholds(*network)) CHECK(t == doctest::Approx(mean).epsilon(1e-5));
  CHECK(deviation(evaluated(*network, images), before) < 1e-5);
}

TEST_CASE("rescale_depthwise: with ReLU6 full channels are locked, none grows above 6") {
  const auto network = separable(Activation::relu6);
  const Tensor images = random_tensor({4, 3, 6, 6}, 5, 0.3f);
  for (const std::size_t channel : {1, 4})
    layers::batch_norms(*network)[1]->bias().mutable_value().span()[channel] = 20.0f;
  layers::batch_norms(*network)[1]->bias().mutable_value().bump_version();
  fold_into_weights(*network);
  struct Largest final : layers::ForwardObserver {
    void after(const layers::Module& module, Inputs, const Variable& output) override {
      if (module.name() != "bn2") return;
      for (std::size_t i = 0; i < output.value().span().size(); ++i)
        values[i % 6] = std::max(values[i % 6], double{output.value().span()[i]});
    }
    std::vector<double> values = std::vector<double>(6);
  };
  std::vector<double> largest;
  Tensor before;
  {
    Largest observer;
    before = evaluated(*network, images);
    largest = observer.values;
  }
  const std::vector<double> from = thresholds(*network);
  double sum = 0.0;
  std::int64_t locked = 0;
  for (std::size_t k = 0; k < 6; ++k) {
    if (largest[k] < 5.9) continue;
    sum += from[k];
    ++locked;
  }
  REQUIRE(locked > 0);
  REQUIRE(locked < 6);
  const double target = sum / static_cast<double>(locked);

  const DepthwiseRescaleReport report =
      rescale_depthwise(*network, {images.slice(0, 2), images.slice(2, 4)});
  CHECK(report.locked == locked);
  const std::vector<double> to = thresholds(*network);
  for (std::size_t k = 0; k < 6; ++k) {
    CAPTURE(k);
    double factor = 1.0;
    if (largest[k] < 5.9) factor = target / from[k];
    if (largest[k] < 5.9 && largest[k] > 0.0) factor = std::min(factor, 6.0 / largest[k]);
    CHECK(to[k] / from[k] == doctest::Approx(factor).epsilon(1e-5));
  }
  CHECK(deviation(evaluated(*network, images), before) < 1e-5);
  CHECK(layers::batch_norms(*network)[1]->params().activation == Activation::relu6);
}

TEST_CASE("rescale_depthwise: a reader other than a 1x1 convolution, and no images") {
  ConvBuilder builder;
  layers::Module& network =
      *builder.conv(4, 4, 3, 4, Activation::relu).conv(4, 5, 3, 1, Activation::none).network;
  const DepthwiseRescaleReport report =
      rescale_depthwise(network, {random_tensor({1, 4, 6, 6}, 5)});
  CHECK(report.pairs.empty());
  CHECK(report.excluded == Names{{"conv1", "conv2 is not a 1x1 convolution"}});
  CHECK_THROWS_AS(rescale_depthwise(network, {}), std::invalid_argument);
}

}  // namespace
}  // namespace quench::ptq
