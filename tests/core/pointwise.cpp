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
    case Kind::hard_sigmoid:
      return std::max(0.0, std::min(1.0, a * x + b));
    case Kind::hard_swish:
      return x * std::max(0.0, std::min(1.0, x / 6.0 + 0.5));
    case Kind::sigmoid:
      return 1.0 / (1.0 + std::exp(-x));
    case Kind::clip:
      return std::min(std::max(x, std::isnan(a) ? x : a), std::isnan(b) ? HUGE_VAL : b);
  }
  return 0.0;
}

std::vector<Pointwise> functions() {
  return {Pointwise::leaky_relu(0.1f),
          Pointwise::hard_sigmoid(0.2f, 0.5f),
          Pointwise::hard_swish(),
          Pointwise::sigmoid(),
          Pointwise::clip(-0.75f, 2.5f),
          Pointwise::clip(kNone, 1.25f),
          Pointwise::clip(-1.5f, kNone),
          Pointwise::leaky_relu(-0.5f),
          Pointwise::hard_sigmoid(-0.3f, 0.4f)};
}

TEST_CASE("pointwise: every function as ONNX defines it, in vectors and one by one") {
  Tensor x({1003});
  for (std::int64_t i = 0; i < 1003; ++i) x.data()[i] = static_cast<float>(i - 501) / 50.0f;
  for (const Pointwise& f : functions()) {
    CAPTURE(to_string(f.kind()));
    const Tensor y = apply(f, x);
    for (std::size_t i = 0; i < 1003; ++i) {
      const float v = x.span()[i];
      CHECK(y.span()[i] == doctest::Approx(defined(f, double{v})).epsilon(1e-6));
      CHECK(f(v) == y.span()[i]);  // the same bits
    }
  }
}

TEST_CASE("pointwise: NaN stays NaN, large numbers saturate") {
  const float inf = std::numeric_limits<float>::infinity();
  for (const Pointwise& f : functions()) CHECK(std::isnan(f(NAN)));
  CHECK(Pointwise::sigmoid()(inf) == 1.0f);
  CHECK(Pointwise::sigmoid()(-200.0f) == 0.0f);
  CHECK(Pointwise::hard_swish()(1e30f) == 1e30f);
  CHECK(Pointwise::hard_swish()(-1e30f) == 0.0f);
  CHECK(Pointwise::clip(kNone, 1.0f)(-inf) == -inf);
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
  CHECK(Pointwise::hard_swish().slope(-3.0f) == doctest::Approx(0.0).epsilon(1e-6));
  CHECK(Pointwise::leaky_relu(0.25f).slope(0.0f) == 0.25f);
}

TEST_CASE("pointwise: numbers make the same function again, names too") {
  for (const Pointwise& f : functions()) {
    CHECK(Pointwise::of(f.kind(), f.first(), f.second()) == f);
    CHECK(parse_pointwise(to_string(f.kind())) == f.kind());
  }
  CHECK_FALSE(Pointwise::clip(kNone, 1.0f) == Pointwise::clip(0.0f, 1.0f));
  CHECK_FALSE(Pointwise::sigmoid() == Pointwise::hard_swish());
}

TEST_CASE("pointwise: what is no function is refused by name") {
  CHECK_THROWS_WITH_AS(Pointwise::leaky_relu(INFINITY),
                       "leaky_relu: expected a finite alpha, got inf", std::invalid_argument);
  CHECK_THROWS_WITH_AS(Pointwise::clip(2.0f, 1.0f),
                       "clip: expected finite bounds, low <= high, or none, got 2 and 1",
                       std::invalid_argument);
  CHECK_THROWS_AS(Pointwise::clip(-INFINITY, 1.0f), std::invalid_argument);
  CHECK_THROWS_WITH_AS(parse_pointwise("swish"),
                       "pointwise function: expected one of leaky_relu, hard_sigmoid, hard_swish, "
                       "sigmoid, clip, got \"swish\"",
                       std::invalid_argument);
}

}  // namespace
}  // namespace quench
