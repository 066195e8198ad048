#include "core/ops/pointwise.h"

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <vector>

#include "core/ops/activation.h"

namespace quench {
namespace {

using Kind = Pointwise::Kind;
constexpr float kNone = ActivationRange::kUnbounded;

/// The definitions of ONNX, in double.
double defined(const Pointwise& f, double x) {
  const double a = double{f.first()}, b = double{f.second()};
  switch (f.kind()) {
    case Kind::leaky_relu:
      return x < 0.0 ? a * x : x;
    case Kind::elu:
      return b * (x < 0.0 ? a * (std::exp(x) - 1.0) : x);
    case Kind::hard_sigmoid:
      return std::max(0.0, std::min(1.0, a * x + b));
    case Kind::hard_swish:
      return x * std::max(0.0, std::min(1.0, x / 6.0 + 0.5));
    case Kind::sigmoid:
      return 1.0 / (1.0 + std::exp(-x));
    case Kind::tanh:
      return std::tanh(x);
    case Kind::softplus:
      return std::log(1.0 + std::exp(x));
    case Kind::mish:
      return x * std::tanh(std::log(1.0 + std::exp(x)));
    case Kind::gelu:
      return 0.5 * x * std::erfc(-x / std::sqrt(2.0));
    case Kind::gelu_tanh:
      return 0.5 * x *
             (1.0 + std::tanh(std::sqrt(2.0 / std::acos(-1.0)) * (x + 0.044715 * x * x * x)));
    case Kind::erf:
      return std::erf(x);
    case Kind::exp:
      return std::exp(x);
    case Kind::sqrt:
      return std::sqrt(x);
    case Kind::floor:
      return std::floor(x);
    case Kind::clip:
      return std::min(std::max(x, std::isnan(a) ? x : a), std::isnan(b) ? HUGE_VAL : b);
  }
  return 0.0;
}

std::vector<Pointwise> functions() {
  std::vector<Pointwise> result{Pointwise::leaky_relu(0.1f),
                                Pointwise::elu(0.7f),
                                Pointwise::elu(1.6732632f, 1.0507010f),
                                Pointwise::hard_sigmoid(0.2f, 0.5f),
                                Pointwise::clip(-0.75f, 2.5f),
                                Pointwise::clip(kNone, 1.25f),
                                Pointwise::clip(-1.5f, kNone),
                                Pointwise::leaky_relu(-0.5f),
                                Pointwise::hard_sigmoid(-0.3f, 0.4f)};
  for (const Kind kind : {Kind::hard_swish, Kind::sigmoid, Kind::tanh, Kind::softplus, Kind::mish,
                          Kind::gelu, Kind::gelu_tanh, Kind::erf, Kind::exp, Kind::floor})
    result.emplace_back(kind);
  return result;
}

TEST_CASE("pointwise: every function matches ONNX's definition, vectorized and scalar") {
  Tensor x({1003});
  for (std::int64_t i = 0; i < 1003; ++i) x.data()[i] = static_cast<float>(i - 501) / 50.0f;
  for (const Pointwise& f : functions()) {
    CAPTURE(to_string(f.kind()));
    const Tensor y = apply(f, x);
    for (std::size_t i = 0; i < 1003; ++i) {
      const float v = x.span()[i];
      // Far below 0, gelu is the difference of numbers near 1.
      CHECK(std::abs(double{y.span()[i]} - defined(f, double{v})) <=
            1e-6 * std::max(std::abs(defined(f, double{v})), 1.0));
      CHECK(f(v) == y.span()[i]);  // the same bits
    }
  }
}

TEST_CASE("pointwise: NaN stays NaN, large values saturate") {
  const float inf = std::numeric_limits<float>::infinity();
  for (const Pointwise& f : functions()) CHECK(std::isnan(f(NAN)));
  CHECK(Pointwise(Kind::sigmoid)(inf) == 1.0f);
  CHECK(Pointwise(Kind::sigmoid)(-200.0f) == 0.0f);
  CHECK(Pointwise(Kind::hard_swish)(1e30f) == 1e30f);
  CHECK(Pointwise(Kind::hard_swish)(-1e30f) == 0.0f);
  CHECK(Pointwise::clip(kNone, 1.0f)(-inf) == -inf);
}

TEST_CASE("pointwise: small results keep their digits") {
  for (const float x : {-1e-6f, -1e-30f, 1e-6f}) {
    CHECK(Pointwise::elu()(x) == doctest::Approx(double{x}).epsilon(1e-5));
    CHECK(Pointwise(Kind::tanh)(x) == doctest::Approx(double{x}).epsilon(1e-5));
    CHECK(Pointwise(Kind::erf)(x) == doctest::Approx(1.1283791671 * double{x}).epsilon(1e-6));
  }
  CHECK(Pointwise(Kind::softplus)(-80.0f) == doctest::Approx(std::exp(-80.0)).epsilon(1e-5));
  CHECK(Pointwise(Kind::softplus)(1e30f) == 1e30f);
  CHECK(Pointwise(Kind::mish)(1e30f) == 1e30f);
}

TEST_CASE("pointwise: slopes are central differences away from kinks, and flat on them") {
  for (const Pointwise& f : functions()) {
    CAPTURE(to_string(f.kind()));
    // Offsets that meet no kink of the functions above.
    for (double x = -7.013; x < 7.0; x += 0.31) {
      const double h = 1e-6, slope = (defined(f, x + h) - defined(f, x - h)) / (2.0 * h);
      CHECK(f.slope(static_cast<float>(x)) == doctest::Approx(slope).epsilon(1e-4));
    }
  }
  CHECK(Pointwise::clip(-1.0f, 2.0f).slope(2.0f) == 0.0f);
  CHECK(Pointwise::hard_sigmoid(0.25f, 0.5f).slope(2.0f) == 0.0f);
  CHECK(Pointwise(Kind::hard_swish).slope(-3.0f) == doctest::Approx(0.0).epsilon(1e-6));
  CHECK(Pointwise::leaky_relu(0.25f).slope(0.0f) == 0.25f);
  CHECK(Pointwise::elu(0.5f, 3.0f).slope(0.0f) == 1.5f);
}

TEST_CASE("pointwise: the square root, of nonnegative values") {
  const Pointwise root(Kind::sqrt);
  for (const float x : {0.0f, 1e-12f, 0.3f, 2.0f, 1e12f}) {
    CHECK(root(x) == std::sqrt(x));
    if (x > 0.0f) CHECK(root.slope(x) == doctest::Approx(0.5 / std::sqrt(double{x})).epsilon(1e-6));
  }
  CHECK(std::isnan(root(-1.0f)));
  CHECK(std::isnan(root(NAN)));
}

TEST_CASE("pointwise: functions are equal if their parameters are") {
  CHECK(Pointwise::clip(kNone, 1.0f) == Pointwise::clip(kNone, 1.0f));
  CHECK_FALSE(Pointwise::clip(kNone, 1.0f) == Pointwise::clip(0.0f, 1.0f));
  CHECK_FALSE(Pointwise(Kind::sigmoid) == Pointwise(Kind::hard_swish));
  CHECK_FALSE(Pointwise::elu(1.0f) == Pointwise::elu(1.0f, 2.0f));
}

TEST_CASE("pointwise: an unknown function is rejected by name") {
  CHECK_THROWS_WITH_AS(Pointwise::leaky_relu(INFINITY),
                       "leaky_relu: expected a finite alpha, got inf", std::invalid_argument);
  CHECK_THROWS_WITH_AS(
      Pointwise::clip(2.0f, 1.0f),
      "clip: expected finite bounds with low <= high, or NaN for no bound, got 2 and 1",
      std::invalid_argument);
  CHECK_THROWS_AS(Pointwise::clip(-INFINITY, 1.0f), std::invalid_argument);
  CHECK_THROWS_WITH_AS(Pointwise(Kind::elu), "elu: expected parameters, got none",
                       std::invalid_argument);
}

}  // namespace
}  // namespace quench
