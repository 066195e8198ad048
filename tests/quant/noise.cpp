#include "quant/strategies/noise.h"

#include <doctest/doctest.h>

#include <array>
#include <cmath>

#include "quant/fixture.h"

namespace quench::quant {
namespace {

std::unique_ptr<Quantizer> with_seed(std::uint64_t seed, SlotSpec spec = {.bits = 4},
                                     Settings settings = {}) {
  auto quantizer = make("noise", std::move(spec), std::move(settings));
  quantizer->begin_training({.total_steps = 10, .steps_per_epoch = 10, .seed = seed});
  return quantizer;
}

TEST_CASE("noise: uniform over one step around the weight, whatever the weight") {
  const auto quantizer = with_seed(1);
  const Tensor w = random_tensor({200000}, 3);
  const Pass result = pass(*quantizer, w);
  const double scale = double{quantizer->grid().scale[0]};
  double sum = 0.0, squares = 0.0, with_weight = 0.0;
  std::array<int, 10> tenths{};
  for (std::int64_t i = 0; i < w.numel(); ++i) {
    const double n = (double{result.output.data()[i]} - double{w.data()[i]}) / scale;
    REQUIRE(std::abs(n) < 0.5 + 1e-5);
    sum += n;
    squares += n * n;
    with_weight += n * double{w.data()[i]};
    ++tenths[static_cast<std::size_t>(std::min(9.0, std::max(0.0, (n + 0.5) * 10)))];
  }
  const auto count = static_cast<double>(w.numel());
  // Five standard errors: of the mean 1 / sqrt(12 N), of the mean square 1 / sqrt(180 N), of a
  // tenth sqrt(0.09 N).
  CHECK(std::abs(sum / count) < 5 / std::sqrt(12 * count));
  CHECK(std::abs(squares / count - 1.0 / 12) < 5 / std::sqrt(180 * count));
  CHECK(std::abs(with_weight / count) < 5 / std::sqrt(12 * count));
  for (const int hits : tenths) CHECK(std::abs(hits - count / 10) < 5 * std::sqrt(0.09 * count));
  for (const float g : result.gradient.span()) REQUIRE(g == 1.0f);
}

TEST_CASE("noise: depends on pass, seed and slot only") {
  const Tensor w = random_tensor({64}, 3);
  const auto first = with_seed(1), again = with_seed(1), other = with_seed(2);
  const auto elsewhere = with_seed(1, {.bits = 4, .slot = "other.slot"});
  const Tensor y = pass(*first, w).output;
  CHECK(same_bits(y, pass(*again, w).output));
  CHECK_FALSE(same_bits(y, pass(*other, w).output));
  CHECK_FALSE(same_bits(y, pass(*elsewhere, w).output));
  const Tensor second = pass(*first, w).output;
  CHECK_FALSE(same_bits(y, second));
  CHECK(same_bits(second, pass(*again, w).output));
}

TEST_CASE("noise: activations are clipped before the noise, and clipped ones get no gradient") {
  const auto quantizer =
      with_seed(1, {.role = Role::activation, .bits = 2}, Settings::from({{"momentum", 1.0}}));
  pass(*quantizer, vector_of({0.0f, 3.0f}));  // step 1
  const Pass result = pass(*quantizer, vector_of({-5.0f, 0.0f, 1.4f, 3.0f, 50.0f}));
  const std::array clipped{0.0f, 0.0f, 1.4f, 3.0f, 3.0f};
  for (std::size_t i = 0; i < clipped.size(); ++i) {
    CHECK(std::abs(result.output.data()[i] - clipped[i]) <= 0.5f);
  }
  CHECK(result.gradient.to_row_major() == std::vector<float>{0, 1, 1, 1, 0});
}

TEST_CASE("noise: evaluation rounds, as does training from quantize_from on") {
  const Tensor w = vector_of({7.0f, 2.4f, -3.6f});
  const std::vector<float> rounded{7, 2, -4};
  const auto quantizer = with_seed(1, {.bits = 4}, Settings::from({{"quantize_from", 0.5}}));
  for (std::int64_t step = 0; step < 10; ++step) {
    CAPTURE(step);
    const bool rounds = pass(*quantizer, w).output.to_row_major() == rounded;
    CHECK(rounds == (step >= 5));
    quantizer->step(step);
  }
  const auto never = with_seed(1);
  for (std::int64_t step = 0; step < 10; ++step) never->step(step);
  CHECK(pass(*never, w).output.to_row_major() != rounded);
  never->set_mode(Mode::evaluation);
  CHECK(never->forward(Variable(w)).value().to_row_major() == rounded);
}

TEST_CASE("noise: state without an entry is rejected") {
  CHECK_THROWS_WITH_AS(make("noise", {.bits = 4})->load_state({}),
                       "layer.slot: expected state 'passes', got none", std::invalid_argument);
}

}  // namespace
}  // namespace quench::quant
