#include <doctest/doctest.h>

#include <cmath>
#include <set>

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

TEST_CASE("function in evaluation: one value per code") {
  PointwiseFunction layer(Pointwise(Pointwise::Kind::hard_swish));
  layer.set_input_quantizer(make_quantizer("affine", Role::activation, 4));
  const Tensor x = random_tensor({2, 3, 8, 8}, 1, 2.0f);
  layer.input_quantizer().observe(x);
  layer.set_quantizer_mode(Mode::evaluation);
  const quant::QuantGrid grid = layer.input_quantizer().grid();
  const Tensor on_grid = quant::fake_quantize(x, grid), y = layer(Variable(x)).value();
  std::set<float> numbers;
  for (std::size_t i = 0; i < y.span().size(); ++i) {
    CHECK(y.span()[i] == Pointwise(Pointwise::Kind::hard_swish)(on_grid.span()[i]));
    numbers.insert(y.span()[i]);
  }
  CHECK(numbers.size() > 4);
  CHECK(numbers.size() <= 16);
}

TEST_CASE("function: float without a quantizer, and with the policy's table of functions") {
  Sequential network;
  auto layer = network.append(
      "act", std::make_shared<PointwiseFunction>(Pointwise(Pointwise::Kind::sigmoid)));
  const Tensor x = random_tensor({2, 3}, 1);
  const Tensor plain = network(Variable(x)).value();
  for (std::size_t i = 0; i < 6; ++i)
    CHECK(plain.span()[i] ==
          doctest::Approx(1.0 / (1.0 + std::exp(-double{x.span()[i]}))).epsilon(1e-6));
  attach_quantizers(network,
                    quant::Policy(Settings::from({{"method", "pact"}, {"pool", Settings()}})));
  CHECK_FALSE(layer->quantizes());
  attach_quantizers(network,
                    quant::Policy(Settings::from(
                        {{"function", Settings::from({{"method", "affine"}, {"bits", 6}})}})));
  CHECK(layer->input_quantizer().method() == "affine");
  CHECK(layer->input_quantizer().bits() == 6);
  CHECK(layer->input_quantizer().slot() == "act.input");
}

}  // namespace
}  // namespace quench::layers
