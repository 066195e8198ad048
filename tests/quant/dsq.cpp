#include "quant/strategies/dsq.h"

#include <doctest/doctest.h>

#include <cmath>

#include "quant/fixture.h"

namespace quench::quant {
namespace {

/// The paper's soft step: m_i in the middle of interval i, the sign's tanh scaled to
/// reach +-1 at the interval's ends.
double phi(double x, double step, double alpha) {
  const double k = std::log(2.0 / alpha - 1.0) / step;
  const double interval = std::floor(x / step), middle = (interval + 0.5) * step;
  const double sign = std::tanh(k * (x - middle)) / (1.0 - alpha);
  return step * (interval + (sign + 1.0) / 2.0);
}

/// 3-bit weights with step 1.
Tensor weights() { return vector_of({3.0f, -2.6f, 0.1f, 0.45f, 0.7f, -1.2f, 2.02f}); }

TEST_CASE("dsq: the reference's phi is continuous and passes through the codes") {
  for (const double alpha : {0.05, 0.2, 0.5}) {
    CHECK(phi(2.0, 1.0, alpha) == doctest::Approx(2.0));
    CHECK(phi(2.0 - 1e-9, 1.0, alpha) == doctest::Approx(2.0));
    CHECK(phi(2.5, 1.0, alpha) == doctest::Approx(2.5));
  }
}

TEST_CASE("dsq: forward is the hard step; gradients are phi's, by finite differences") {
  const Tensor w = weights();
  const std::vector<float> upstream{1.0f, -2.0f, 0.5f, 1.5f, -1.0f, 2.0f, 3.0f};
  for (const double alpha : {0.05, 0.2, 0.5}) {
    CAPTURE(alpha);
    const auto quantizer = make("dsq", {.bits = 3}, Settings::from({{"alpha", alpha}}));
    const Pass result = pass(*quantizer, w, vector_of(upstream));
    CHECK(result.output.to_row_major() == std::vector<float>{3, -3, 0, 0, 1, -1, 2});
    double by_alpha = 0.0;
    for (std::size_t i = 0; i < upstream.size(); ++i) {
      const double x = double{w.data()[i]}, g = double{upstream[i]}, h = 1e-6;
      by_alpha += g * (phi(x, 1.0, alpha + h) - phi(x, 1.0, alpha - h)) / (2 * h);
      const double slope = (phi(x + h, 1.0, alpha) - phi(x - h, 1.0, alpha)) / (2 * h);
      CHECK(result.gradient.data()[i] == doctest::Approx(g * slope).epsilon(1e-4));
    }
    CHECK(quantizer->parameters()[0].second.grad().item() ==
          doctest::Approx(by_alpha).epsilon(1e-4));
  }
}

TEST_CASE("dsq: another step scales phi; outside an activation's grid no gradient passes") {
  const auto quantizer =
      make("dsq", {.role = Role::activation, .bits = 2}, Settings::from({{"momentum", 1.0}}));
  pass(*quantizer, vector_of({0.0f, 6.0f}));  // step 2
  quantizer->parameters()[0].second.zero_grad();
  const Tensor x = vector_of({2.9f, 6.5f, -0.5f});
  const Tensor gradient = pass(*quantizer, x).gradient;
  const double h = 1e-6, at = double{x.data()[0]}, alpha = 0.2f;
  CHECK(
      gradient.data()[0] ==
      doctest::Approx((phi(at + h, 2.0, alpha) - phi(at - h, 2.0, alpha)) / (2 * h)).epsilon(1e-4));
  CHECK(gradient.data()[1] == 0.0f);
  CHECK(gradient.data()[2] == 0.0f);
  const double by_alpha = (phi(at, 2.0, alpha + h) - phi(at, 2.0, alpha - h)) / (2 * h);
  CHECK(quantizer->parameters()[0].second.grad().item() == doctest::Approx(by_alpha).epsilon(1e-4));
}

TEST_CASE("dsq: one alpha per scale, clamped to [0.01, 0.5] after an update") {
  const auto quantizer =
      make("dsq", {.bits = 4, .granularity = Granularity::per_channel, .channels = 3});
  Variable alpha = quantizer->parameters()[0].second;
  CHECK(alpha.value().to_row_major() == std::vector<float>{0.2f, 0.2f, 0.2f});
  alpha.mutable_value().data()[0] = -4.0f;
  alpha.mutable_value().data()[1] = 0.75f;
  alpha.mutable_value().bump_version();
  quantizer->step(0);
  CHECK(alpha.value().to_row_major() == std::vector<float>{0.01f, 0.5f, 0.2f});
  pass(*quantizer, random_tensor({3, 50}, 1));
  CHECK(alpha.grad().shape() == alpha.value().shape());

  alpha.mutable_value().data()[2] = NAN;
  CHECK_THROWS_WITH_AS(quantizer->step(1), "layer.slot: expected a finite trained alpha, got nan",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(make("dsq", {.bits = 4}, Settings::from({{"alpha", 0.9}})),
                       doctest::Contains("alpha: expected"), std::invalid_argument);
}

}  // namespace
}  // namespace quench::quant
