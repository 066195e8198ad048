#include <doctest/doctest.h>

#include <stdexcept>

#include "autograd/nn.h"
#include "layers/activation.h"
#include "layers/attach_quantizers.h"
#include "layers/composite.h"
#include "layers/reference.h"

namespace quench::layers {
namespace {

using quant::Mode;
using quant::Role;
using testing::make_quantizer;
using testing::random_tensor;

Tensor row(std::vector<float> values) {
  const auto count = static_cast<std::int64_t>(values.size());
  return Tensor::from_row_major({count}, values);
}

TEST_CASE("PRelu in evaluation: one value per code and channel") {
  PRelu layer(row({0.25f, -1.5f, 0.0f}));
  layer.set_input_quantizer(make_quantizer("affine", Role::activation, 4));
  const Tensor x = random_tensor({2, 3, 8, 8}, 1, 2.0f);
  layer.input_quantizer().observe(x);
  layer.set_quantizer_mode(Mode::evaluation);
  const Tensor on_grid = quant::fake_quantize(x, layer.input_quantizer().grid()),
               y = layer(Variable(x)).value();
  for (std::size_t i = 0; i < y.span().size(); ++i) {
    const float v = on_grid.span()[i], slope = layer.slope().value().span()[i % 3];
    CHECK(y.span()[i] == (v > 0.0f ? v : slope * v));
  }
}

TEST_CASE("PRelu: one slope for all channels gets the sum of their gradients") {
  Sequential network;
  const auto layer = network.append("act", std::make_shared<PRelu>(row({0.5f})));
  const Variable x(Tensor::from_row_major({1, 3}, std::vector{-1.0f, 2.0f, -3.0f}), true);
  const Variable y = network(x);
  CHECK(y.value().to_row_major() == std::vector{-0.5f, 2.0f, -1.5f});
  linear(y, Variable(Tensor::from_row_major({1, 3}, std::vector{1.0f, 10.0f, 100.0f})), {})
      .backward();
  CHECK(layer->slope().grad().item() == -301.0f);
  CHECK(x.grad().to_row_major() == std::vector{0.5f, 10.0f, 50.0f});
  REQUIRE(network.parameters().size() == 1);
  CHECK(network.parameters()[0].name == "act.slope");
  CHECK_THROWS_AS(PRelu(Tensor({1, 2})), std::invalid_argument);
}

TEST_CASE("PRelu: the policy's table of functions fills its slot") {
  Sequential network;
  const auto layer = network.append("act", std::make_shared<PRelu>(row({0.5f})));
  attach_quantizers(network,
                    quant::Policy(Settings::from(
                        {{"function", Settings::from({{"method", "affine"}, {"bits", 6}})}})));
  CHECK(layer->input_quantizer().bits() == 6);
}

}  // namespace
}  // namespace quench::layers
