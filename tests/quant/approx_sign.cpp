#include "quant/strategies/approx_sign.h"

#include <doctest/doctest.h>

#include <cmath>

#include "quant/fixture.h"

namespace quench::quant {
namespace {

const SlotSpec kActivation{.role = Role::activation, .bits = 1};

TEST_CASE("approx_sign: at 0, at the ends of the triangle, and outside") {
  const auto quantizer = make("approx_sign", kActivation);
  const Pass result =
      pass(*quantizer, vector_of({-INFINITY, -1.0f, -0.5f, -0.0f, 0.0f, 1.0f, INFINITY, NAN}));
  CHECK(result.output.to_row_major() == std::vector<float>{-1, -1, -1, 1, 1, 1, 1, 1});
  CHECK(result.gradient.to_row_major() == std::vector<float>{0, 0, 1, 2, 2, 0, 0, 0});
}

TEST_CASE("swish_sign: the gradient is the formula's, and finite where cosh overflows") {
  for (const double beta : {1.0, 5.0}) {
    const auto quantizer = make("approx_sign", kActivation,
                                Settings::from({{"estimator", "swish_sign"}, {"beta", beta}}));
    const Tensor x = vector_of({-2.0f, -0.3f, 0.0f, 0.01f, 0.7f, 4.0f});
    const Pass result = pass(*quantizer, x);
    for (std::int64_t i = 0; i < x.numel(); ++i) {
      const double v = beta * double{x.data()[i]};
      const double want = beta * (2.0 - v * std::tanh(v / 2.0)) / (1.0 + std::cosh(v));
      CHECK(double{result.gradient.data()[i]} == doctest::Approx(want).epsilon(1e-5));
    }
    CHECK(pass(*quantizer, vector_of({-INFINITY, 1e6f, NAN})).gradient.to_row_major() ==
          std::vector<float>{0, 0, 0});
  }
}

TEST_CASE("a trained shift moves the sign, in training and evaluation alike") {
  const auto quantizer = make("approx_sign", kActivation, Settings::from({{"shift", "trained"}}));
  REQUIRE(quantizer->parameters().size() == 1);
  Variable shift = quantizer->parameters()[0].second;
  shift.mutable_value().data()[0] = 0.5f;
  const Tensor x = vector_of({0.25f, 0.5f, 0.75f, -1.0f});
  CHECK(pass(*quantizer, x).output.to_row_major() == std::vector<float>{-1, 1, 1, -1});
  quantizer->set_mode(Mode::evaluation);
  CHECK(quantizer->codes(x)->values.to_row_major() == std::vector<float>{-1, 1, 1, -1});
  CHECK(make("approx_sign", kActivation)->parameters().empty());
}

}  // namespace
}  // namespace quench::quant
