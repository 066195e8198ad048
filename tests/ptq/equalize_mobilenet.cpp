// Equalization, its helpers and folding on the networks that they target.

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "layers/models/mobilenet_v1.h"
#include "layers/models/mobilenet_v2.h"
#include "layers/random_network.h"
#include "ptq/equalize.h"
#include "ptq/rescale_depthwise.h"

namespace quench::ptq {
namespace {

using testing::deviation;
using testing::evaluated;
using testing::random_tensor;

const Shape kImage{1, 3, 32, 32};

std::unique_ptr<layers::Module> make(bool v2) {
  Random random(1, "test");
  const layers::models::MobileOptions options{
      .input = {.height = 32, .width = 32, .classes = 10}, .width = 0.25, .small_images = true};
  auto network = v2 ? layers::models::mobilenet_v2(options, random)
                    : layers::models::mobilenet_v1(options, random);
  // Ranges that differ between channels, as in trained depthwise layers.
  Random spread(2, "test");
  for (layers::BatchNorm* norm : layers::batch_norms(*network)) {
    for (float& gain : norm->gain().mutable_value().span()) gain = std::exp(spread.normal());
    norm->gain().mutable_value().bump_version();
  }
  // Statistics of the images below, so that values neither vanish nor grow over 28 layers.
  for (layers::BatchNorm* norm : layers::batch_norms(*network)) norm->set_momentum(1.0f);
  network->set_training(true);
  (*network)(Variable(random_tensor(kImage.with(0, 8), 5)));
  return network;
}

std::size_t layers_before_classifier(layers::Module& network) {
  return network.quantized_layers().size() - 1;
}

bool contains(const std::vector<std::pair<std::string, std::string>>& pairs, const char* from,
              const char* to) {
  return std::ranges::find(pairs, std::pair<std::string, std::string>(from, to)) != pairs.end();
}

TEST_CASE("mobilenets: every convolution has its own batch norm to fold") {
  for (const bool v2 : {false, true}) {
    const auto network = make(v2);
    const Tensor images = random_tensor(kImage.with(0, 8), 5);
    const Tensor before = evaluated(*network, images);
    CHECK(fold_into_weights(*network).size() == layers_before_classifier(*network));
    CHECK(deviation(evaluated(*network, images), before) < 1e-3);
  }
}

TEST_CASE(
    "mobilenets with ReLU for ReLU6: all pairs are equalized, and the function does not change") {
  for (const bool v2 : {false, true}) {
    CAPTURE(v2);
    const auto network = make(v2);
    const Tensor images = random_tensor(kImage.with(0, 8), 5);
    CHECK(equalize(*network).pairs.empty() != v2);  // except v2's linear bottlenecks
    replace_relu6(*network);
    const Tensor before = evaluated(*network, images);
    const EqualizationReport report = equalize(*network);
    CHECK(deviation(evaluated(*network, images), before) < 1e-3);
    if (v2) {
      CHECK(contains(report.pairs, "block1.expand.conv", "block1.dw.conv"));
      CHECK(contains(report.pairs, "block1.dw.conv", "block1.project.conv"));
      CHECK_FALSE(contains(report.pairs, "block1.project.conv", "block2.expand.conv"));  // a sum
    } else {
      CHECK(report.pairs.size() == layers_before_classifier(*network));
      CHECK(report.excluded.empty());
      CHECK(contains(report.pairs, "block13.pw.conv", "fc"));
    }
  }
}

TEST_CASE("mobilenets: every depthwise layer is rescaled, with its ReLU6 in place") {
  for (const bool v2 : {false, true}) {
    const auto network = make(v2);
    const Tensor images = random_tensor(kImage.with(0, 8), 5);
    const Tensor before = evaluated(*network, images);
    const DepthwiseRescaleReport report = rescale_depthwise(*network, {images});
    CHECK(report.pairs.size() == (v2 ? 17 : 13));
    CHECK(report.excluded.empty());
    CHECK(deviation(evaluated(*network, images), before) < 1e-3);
  }
}

}  // namespace
}  // namespace quench::ptq
