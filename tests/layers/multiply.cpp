#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "autograd/nn.h"
#include "autograd/shape_ops.h"
#include "core/ops/elementwise.h"
#include "layers/arithmetic.h"
#include "layers/attach_quantizers.h"
#include "layers/composite.h"
#include "layers/reference.h"

namespace quench::layers {
namespace {

using quant::Mode;
using quant::Role;
using testing::make_quantizer;
using testing::random_tensor;

std::int64_t code(float x, const quant::QuantGrid& grid) {
  return std::clamp<std::int64_t>(std::llrint(x / grid.scale[0]) + grid.zero_point[0], grid.qmin,
                                  grid.qmax) -
         grid.zero_point[0];
}

void calibrate(Multiply& product, const Tensor& a, const Tensor& b) {
  product.input_quantizer(0).observe(a);
  product.input_quantizer(1).observe(b);
  product.set_quantizer_mode(Mode::evaluation);
}

TEST_CASE("multiply in evaluation: the integer product of codes, times both scales at once") {
  Multiply product;
  product.set_input_quantizer(make_quantizer("affine", Role::activation, 8), 0);
  product.set_input_quantizer(make_quantizer("symmetric", Role::activation, 5), 1);
  const Tensor a = random_tensor({2, 3, 4, 4}, 1), b = random_tensor({2, 3, 1, 1}, 2);
  calibrate(product, a, b);
  const quant::QuantGrid first = product.input_quantizer(0).grid(),
                         second = product.input_quantizer(1).grid();
  REQUIRE(first.zero_point[0] != 0);
  const float scale = first.scale[0] * second.scale[0];
  const std::vector<float> x = a.to_row_major(), y = b.to_row_major();
  const std::vector<float> out = product(Variable(a), Variable(b)).value().to_row_major();
  for (std::size_t i = 0; i < out.size(); ++i) {
    const std::int64_t p = code(x[i], first) * code(y[i / 16], second);
    CHECK(out[i] == static_cast<float>(p) * scale);
  }
}

TEST_CASE("multiply in evaluation: a grid with an offset uses the product of real values") {
  Multiply product;
  product.set_input_quantizer(make_quantizer("lsq_plus", Role::activation, 4), 0);
  product.set_input_quantizer(make_quantizer("affine", Role::activation, 8), 1);
  const Tensor a = random_tensor({2, 6}, 1), b = random_tensor({2, 6}, 2);
  product(Variable(a), Variable(b));  // starts step and offset
  product.set_quantizer_mode(Mode::evaluation);
  REQUIRE(product.input_quantizer(0).grid().offset != 0.0f);
  const Tensor x = quant::fake_quantize(a, product.input_quantizer(0).grid()),
               y = quant::fake_quantize(b, product.input_quantizer(1).grid());
  const Tensor out = product(Variable(a), Variable(b)).value();
  for (std::size_t i = 0; i < 12; ++i) CHECK(out.span()[i] == x.span()[i] * y.span()[i]);
}

TEST_CASE("multiply in float: either operand may be the per-map factor") {
  const Tensor a = random_tensor({2, 3, 4, 4}, 1), b = random_tensor({2, 3, 1, 1}, 2);
  Multiply product;
  Variable x(a, true), y(b, true);
  const Variable out = product(y, x);
  CHECK(testing::same_bits(out.value(), product(x, y).value()));
  CHECK(testing::same_bits(product(x, x).value(), map(a, [](float v) { return v * v; })));
  const Tensor weight = random_tensor({1, 96}, 3);
  linear(reshape(out, {1, 96}), Variable(weight), {}).backward();
  const std::vector<float> slopes = weight.reshape(a.shape()).to_row_major(), in = a.to_row_major();
  const std::vector<float> grad = y.grad().to_row_major();
  for (std::size_t map = 0; map < 6; ++map) {
    double sum = 0.0;
    for (std::size_t i = map * 16; i < (map + 1) * 16; ++i)
      sum += double{slopes[i]} * double{in[i]};
    CHECK(grad[map] == doctest::Approx(sum).epsilon(1e-5));
  }
  CHECK_THROWS_WITH_AS(
      product(x, Variable(Tensor({2, 1, 1, 1}))),
      doctest::Contains(
          "expected factors of one shape, or [N, C, H, W] and [N, C, 1, 1], got [2, 3, 4, 4]"),
      std::invalid_argument);
}

struct Square final : Composite {
  Square() { set_output(append("product", product, {Graph::kInput, Graph::kInput})); }
  std::shared_ptr<Multiply> product = std::make_shared<Multiply>();
};

TEST_CASE("multiply: the policy's table of products fills its slots, each with its own grid") {
  Square network;
  attach_quantizers(network,
                    quant::Policy(Settings::from({{"method", "tqt"}, {"product", Settings()}})));
  CHECK_FALSE(network.product->shares_quantizer());
  CHECK(network.product->input_quantizer(1).slot() == "product.input2");
  CHECK(network.product->input_quantizer(1).method() == "tqt");
  Square plain;
  attach_quantizers(plain,
                    quant::Policy(Settings::from({{"method", "tqt"}, {"residual", Settings()}})));
  CHECK_FALSE(plain.product->quantizes());
  Square shared;
  CHECK_THROWS_WITH_AS(
      attach_quantizers(
          shared, quant::Policy(Settings::from({{"product", Settings::from({{"shared", true}})}}))),
      doctest::Contains("product.shared"), std::invalid_argument);
}

}  // namespace
}  // namespace quench::layers
