#include "quant/strategies/bwn.h"

#include <doctest/doctest.h>

#include <limits>

#include "quant/fixture.h"

namespace quench::quant {
namespace {

const SlotSpec kPerFilter{.bits = 1, .granularity = Granularity::per_channel};

TEST_CASE("bwn: a filter of zeros has codes +1 and the smallest possible scale") {
  const auto quantizer = make("bwn", kPerFilter);
  const Tensor w = Tensor::from_row_major<float>({2, 2}, std::vector{0.0f, 0.0f, -3.0f, 1.0f});
  const float least = std::numeric_limits<float>::min();
  const Pass result = pass(*quantizer, w);
  CHECK(result.output.to_row_major() == std::vector<float>{least, least, -2, 2});
  quantizer->set_mode(Mode::evaluation);
  CHECK(same_bits(quantizer->forward(Variable(w)).value(), result.output));
}

TEST_CASE("bwn: one alpha per tensor, and the gradient of the chain rule through it") {
  // alpha = 1.5, B = (+, -, +), n = 3; sum(g B) / n = (1 - 2 + 4) / 3 = 1.
  const auto quantizer = make("bwn", {.bits = 1});
  const Pass result =
      pass(*quantizer, vector_of({0.5f, -1.0f, 3.0f}), vector_of({1.0f, 2.0f, 4.0f}));
  CHECK(result.output.to_row_major() == std::vector<float>{1.5f, -1.5f, 1.5f});
  CHECK(result.gradient.to_row_major() == std::vector<float>{2.5f, 2.0f, 1.0f});
}

TEST_CASE("bwn: activations and more than 1 bit are rejected") {
  CHECK_THROWS_WITH_AS(make("bwn", {.role = Role::activation, .bits = 1}),
                       doctest::Contains("layer.slot: bwn does not support"),
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(make("bwn", {.bits = 2}),
                       "layer.slot: bwn: expected bits in 1..1 for weights, got 2",
                       std::invalid_argument);
  CHECK_THROWS_AS(make("bwn", {.bits = 1}, Settings::from({{"gradient", "none"}})),
                  std::invalid_argument);
}

}  // namespace
}  // namespace quench::quant
