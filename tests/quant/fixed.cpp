#include "quant/strategies/fixed.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <stdexcept>
#include <vector>

#include "vectors/backward.h"

using namespace quench;
using namespace quench::quant;

namespace {

QuantGrid per_channel_grid() {
  return {
      .bits = 4, .qmin = -7, .qmax = 7, .scale = {0.5f, 0.25f}, .zero_point = {0, 2}, .axis = 0};
}

}  // namespace

TEST_CASE("fixed: values on the given grid, the gradient between its ends, per channel") {
  const auto quantizer =
      make_fixed_quantizer(Role::weight, per_channel_grid(), {2, 4}, "conv1.weight");
  CHECK(quantizer->method() == "fixed");
  CHECK(quantizer->granularity() == Granularity::per_channel);
  // -3.5 to 3.5 in steps of 0.5; -2.25 to 1.25 in steps of 0.25.
  const std::vector<float> x{-3.6f, -0.3f, 0.25f, 3.5f, -2.3f, 0.125f, 1.25f, 1.3f};
  const std::vector<float> expected{-3.5f, -0.5f, 0.0f, 3.5f, -2.25f, 0.0f, 1.25f, 1.25f};
  for (const Mode mode : {Mode::training, Mode::evaluation}) {
    quantizer->set_mode(mode);
    const Variable y = quantizer->forward(Variable(Tensor::from_row_major({2, 4}, x)));
    CHECK(std::ranges::equal(y.value().span(), expected));
  }
  quantizer->set_mode(Mode::training);
  Variable leaf(Tensor::from_row_major({2, 4}, x), true);
  vectors::backward(quantizer->forward(leaf), Tensor::full({2, 4}, 1.0f));
  CHECK(std::ranges::equal(leaf.grad().span(), std::vector<float>{0, 1, 1, 1, 0, 1, 1, 0}));
}

TEST_CASE("fixed: data do not change the grid") {
  const auto quantizer =
      make_fixed_quantizer(Role::weight, per_channel_grid(), {2, 1}, "conv1.weight");
  quantizer->observe(Tensor::full({2, 1}, 100.0f));
  CHECK(quantizer->grid() == per_channel_grid());
  CHECK(quantizer->state().empty());
}

TEST_CASE("fixed: the error for an invalid grid names the slot") {
  CHECK_THROWS_WITH_AS(
      make_fixed_quantizer(Role::weight, per_channel_grid(), {3, 1}, "conv1.weight"),
      "conv1.weight: grid: expected 3 scales and zero points for shape [3, 1], got 2 and 2",
      std::invalid_argument);
}
