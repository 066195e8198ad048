#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "autograd/nn.h"
#include "autograd/shape_ops.h"
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
using testing::same_bits;

/// The sum of x with itself through two slots, as a network.
struct Twice final : Composite {
  explicit Twice(Activation activation = Activation::none)
      : add(std::make_shared<Add>(activation)) {
    set_output(append("add", add, {Graph::kInput, Graph::kInput}));
  }
  std::shared_ptr<Add> add;
};

std::unique_ptr<Twice> quantized(std::initializer_list<Settings::Entry> residual,
                                 const char* method) {
  auto network = std::make_unique<Twice>();
  attach_quantizers(
      *network, quant::Policy(Settings::from(
                    {{"method", method}, {"bits", 4}, {"residual", Settings::from(residual)}})));
  return network;
}

/// scale (q - z) for the nearest q of the grid, in double except for the division in the code.
double on_grid(float x, const quant::QuantGrid& grid) {
  const std::int64_t q = std::clamp<std::int64_t>(
      std::llrint(x / grid.scale[0]) + grid.zero_point[0], grid.qmin, grid.qmax);
  return static_cast<double>(grid.scale[0]) * static_cast<double>(q - grid.zero_point[0]);
}

TEST_CASE("add in evaluation: the operands on two grids, each operation rounded to float32") {
  Add add(Activation::relu);
  add.set_input_quantizer(make_quantizer("affine", Role::activation, 8), 0);
  add.set_input_quantizer(make_quantizer("symmetric", Role::activation, 4), 1);
  const Tensor a = random_tensor({2, 3, 4, 4}, 1), b = random_tensor({2, 3, 4, 4}, 2, 0.1f);
  add.input_quantizer(0).observe(a);
  add.input_quantizer(1).observe(b);
  add.set_quantizer_mode(Mode::evaluation);
  const Tensor sum = add(Variable(a), Variable(b)).value();
  const quant::QuantGrid first = add.input_quantizer(0).grid(),
                         second = add.input_quantizer(1).grid();
  REQUIRE(first.zero_point[0] != 0);
  REQUIRE(first.scale != second.scale);
  for (std::size_t i = 0; i < sum.span().size(); ++i) {
    const auto x = static_cast<float>(on_grid(a.span()[i], first));
    const auto y = static_cast<float>(on_grid(b.span()[i], second));
    CHECK(sum.span()[i] == std::max(x + y, 0.0f));
  }
}

TEST_CASE("add in evaluation: a difference subtracts the second operand, on its own grid") {
  Add difference(Activation::none, Sign::minus);
  difference.set_input_quantizer(make_quantizer("affine", Role::activation, 8), 0);
  difference.set_input_quantizer(make_quantizer("affine", Role::activation, 4), 1);
  const Tensor a = random_tensor({2, 3, 4, 4}, 1), b = random_tensor({2, 3, 4, 4}, 2, 0.1f);
  difference.input_quantizer(0).observe(a);
  difference.input_quantizer(1).observe(b);
  difference.set_quantizer_mode(Mode::evaluation);
  const Tensor out = difference(Variable(a), Variable(b)).value();
  const quant::QuantGrid first = difference.input_quantizer(0).grid(),
                         second = difference.input_quantizer(1).grid();
  for (std::size_t i = 0; i < out.span().size(); ++i) {
    const auto x = static_cast<float>(on_grid(a.span()[i], first));
    const auto y = static_cast<float>(on_grid(b.span()[i], second));
    CHECK(out.span()[i] == x - y);
  }
}

TEST_CASE("add: bypassed and empty slots leave the float sum") {
  Add add;
  const Tensor a = random_tensor({2, 3}, 1), b = random_tensor({2, 3}, 2);
  const Tensor plain = add(Variable(a), Variable(b)).value();
  for (std::size_t i = 0; i < plain.span().size(); ++i)
    CHECK(plain.span()[i] == a.span()[i] + b.span()[i]);
  add.set_input_quantizer(make_quantizer("tqt", Role::activation, 4), 0);
  CHECK(add.quantizes());
  add.set_quantizer_mode(Mode::bypass);
  CHECK(same_bits(add(Variable(a), Variable(b)).value(), plain));
}

TEST_CASE("add with tqt: one scale, so that the sum is an integer times it, exactly") {
  const auto network = quantized({}, "tqt");
  Add& add = *network->add;
  REQUIRE(add.shares_quantizer());
  REQUIRE(add.quantizers().size() == 1);
  CHECK(add.quantizers()[0].first == "input_quantizer");
  CHECK(add.input_quantizer().slot() == "add.input");
  CHECK(add.input_quantizer().bits() == 8);
  const Tensor a = random_tensor({2, 3, 4, 4}, 1), b = random_tensor({2, 3, 4, 4}, 2, 5.0f);
  add(Variable(a), Variable(b));  // the first batch starts the threshold, from both
  float largest = 0.0f;
  for (const float v : a.span()) largest = std::max(largest, std::abs(v));
  for (const float v : b.span()) largest = std::max(largest, std::abs(v));
  const quant::QuantGrid grid = add.input_quantizer().grid();
  CHECK(grid.scale[0] == std::ldexp(1.0f, static_cast<int>(std::ceil(std::log2(largest))) - 7));
  add.set_quantizer_mode(Mode::evaluation);
  const Tensor sum = add(Variable(a), Variable(b)).value();
  for (std::size_t i = 0; i < sum.span().size(); ++i) {
    const double exact = on_grid(a.span()[i], grid) + on_grid(b.span()[i], grid);
    CHECK(static_cast<double>(sum.span()[i]) == exact);
  }
}

TEST_CASE("add with tqt in training: gradients of both operands and of their one threshold") {
  const auto network = quantized({}, "tqt");
  Add& add = *network->add;
  const Tensor start = Tensor::full({1}, 1.0f);
  add.input_quantizer().observe(start);
  auto [name, log2_t] = add.input_quantizer().parameters()[0];
  log2_t.mutable_value().copy_from(Tensor::full({1}, -0.3f));  // scale 1/128, or 1/256 unsigned
  const quant::QuantGrid grid = add.input_quantizer().grid();
  const float s = grid.scale[0];
  Variable a(random_tensor({1, 3, 4, 4}, 1), true), b(random_tensor({1, 3, 4, 4}, 2, 0.3f), true);
  const Tensor weight = random_tensor({1, 48}, 3);
  linear(flatten(add(a, b)), Variable(weight), {}).backward();

  double slope = 0.0;  // of the loss to the threshold, methods.md 9.2
  int outside = 0;
  for (const Variable& operand : {a, b}) {
    for (std::size_t i = 0; i < weight.span().size(); ++i) {
      const float x = operand.value().span()[i], g = weight.span()[i];
      const float r = std::nearbyint(x / s);
      const bool inside = r >= static_cast<float>(grid.qmin) && r <= static_cast<float>(grid.qmax);
      outside += inside ? 0 : 1;
      CHECK(operand.grad().span()[i] == (inside ? g : 0.0f));
      const float edge = static_cast<float>(r < 0.0f ? grid.qmin : grid.qmax);
      slope += static_cast<double>(g) * static_cast<double>(inside ? r - x / s : edge);
    }
  }
  REQUIRE(outside > 0);
  slope *= static_cast<double>(s) * std::numbers::ln2;
  CHECK(log2_t.grad().item() == doctest::Approx(slope).epsilon(1e-4));
  CHECK(network->parameters().size() == 1);
  CHECK(network->parameters()[0].name == "add.input_quantizer.log2_t");
}

TEST_CASE("add with separate grids: two slots, two states, gradients through the window of each") {
  const auto network = quantized({}, "ste");
  Add& add = *network->add;
  CHECK_FALSE(add.shares_quantizer());
  REQUIRE(add.quantizers().size() == 2);
  CHECK(add.quantizers()[0].first == "input1_quantizer");
  CHECK(add.quantizers()[1].first == "input2_quantizer");
  CHECK(add.input_quantizer(1).slot() == "add.input2");
  add.input_quantizer(0).observe(Tensor::full({1}, 0.5f));
  add.input_quantizer(1).observe(Tensor::full({1}, 2.0f));
  CHECK(add.input_quantizer(1).grid().scale[0] == 4.0f * add.input_quantizer(0).grid().scale[0]);
}

TEST_CASE("add: a key joins grids that a method separates, and vice versa") {
  CHECK(quantized({{"shared", true}}, "ste")->add->shares_quantizer());
  CHECK_FALSE(quantized({{"shared", false}}, "tqt")->add->shares_quantizer());
}

TEST_CASE("add: one quantizer averages over both operands as over one batch") {
  const auto network = quantized({{"shared", true}}, "ste");
  Add& add = *network->add;
  const auto scale = [&](float a, float b) {
    add(Variable(Tensor::full({1, 2}, a)), Variable(Tensor::full({1, 2}, b)));
    return static_cast<double>(add.input_quantizer().grid().scale[0]) *
           add.input_quantizer().grid().qmax;
  };
  CHECK(scale(1.0f, 4.0f) == doctest::Approx(4.0));
  CHECK(scale(8.0f, 2.0f) == doctest::Approx(0.99 * 4.0 + 0.01 * 8.0));
}

}  // namespace
}  // namespace quench::layers
