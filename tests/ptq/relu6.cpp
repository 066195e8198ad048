#include <doctest/doctest.h>

#include "layers/activation.h"
#include "layers/random_network.h"
#include "ptq/equalize.h"

namespace quench::ptq {
namespace {

using testing::ConvBuilder;
using testing::evaluated;
using testing::random_tensor;
using testing::same_bits;

/// conv, relu6, depthwise, relu6, pointwise, hardtanh; or with ReLU for ReLU6.
std::unique_ptr<layers::Sequential> separable(Activation activation) {
  ConvBuilder builder;
  builder.conv(3, 4, 1, 1, activation)
      .conv(4, 4, 3, 4, activation)
      .conv(4, 5, 1, 1, Activation::hardtanh);
  builder.network->append("act", std::make_shared<layers::ActivationLayer>(activation));
  testing::randomize(*builder.network, 40);
  return std::move(builder.network);
}

TEST_CASE("replace_relu6: gives the network with ReLU; other activations stay") {
  const auto network = separable(Activation::relu6), relu = separable(Activation::relu);
  const Tensor images = random_tensor({2, 3, 6, 6}, 5, 8.0f);
  const Tensor before = evaluated(*network, images), expected = evaluated(*relu, images);
  REQUIRE_FALSE(same_bits(before, expected));
  {
    const Relu6Replaced guard(*network);
    CHECK(same_bits(evaluated(*network, images), expected));
  }
  CHECK(same_bits(evaluated(*network, images), before));
  CHECK(replace_relu6(*network).size() == 3);
  CHECK(same_bits(evaluated(*network, images), expected));
  CHECK(replace_relu6(*network).empty());
}

TEST_CASE("equalize: works across a ReLU6 once it is replaced") {
  const auto network = separable(Activation::relu6);
  CHECK(equalize(*network).pairs.empty());
  replace_relu6(*network);
  CHECK(equalize(*network).pairs.size() == 2);
}

}  // namespace
}  // namespace quench::ptq
