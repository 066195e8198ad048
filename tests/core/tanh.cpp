#include "core/ops/tanh.h"

#include <doctest/doctest.h>

#include <limits>
#include <vector>

namespace quench {
namespace {

double ulps(float got, double want) {
  const auto rounded = static_cast<float>(want);
  const double ulp =
      double{std::nextafterf(std::abs(rounded), INFINITY)} - double{std::abs(rounded)};
  return std::abs(double{got} - want) / ulp;
}

TEST_CASE("fast_tanh: within 3 units in the last place of the double function, odd, at most 1") {
  double worst = 0.0;
  // Every exponent from the smallest numbers to where tanh is 1, 37 mantissas each.
  for (int exponent = -126; exponent <= 5; ++exponent) {
    for (int i = 0; i < 37; ++i) {
      const float x = std::ldexp(1.0f + static_cast<float>(i) / 37.0f, exponent);
      worst = std::max(worst, ulps(fast_tanh(x), std::tanh(double{x})));
      CHECK(fast_tanh(-x) == -fast_tanh(x));
      CHECK(fast_tanh(x) <= 1.0f);
    }
  }
  for (float x = 0.0f; x < 12.0f; x += 0.000731f) {
    worst = std::max(worst, ulps(fast_tanh(x), std::tanh(double{x})));
  }
  CAPTURE(worst);
  CHECK(worst < 3.0);
}

TEST_CASE("fast_tanh: zero, infinities, NaN") {
  CHECK(fast_tanh(0.0f) == 0.0f);
  CHECK(std::signbit(fast_tanh(-0.0f)));
  CHECK(fast_tanh(std::numeric_limits<float>::infinity()) == 1.0f);
  CHECK(fast_tanh(-std::numeric_limits<float>::infinity()) == -1.0f);
  CHECK(std::isnan(fast_tanh(std::numeric_limits<float>::quiet_NaN())));
}

TEST_CASE("fast_tanh: vectorized and scalar results have the same bits") {
  std::vector<float> x(67), y(67);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = 0.173f * static_cast<float>(i) - 5.0f;
  for (std::size_t i = 0; i < x.size(); ++i) y[i] = fast_tanh(x[i]);
  for (std::size_t i = 0; i < x.size(); ++i) {
    volatile float alone = x[i];
    CHECK(y[i] == fast_tanh(alone));
  }
}

}  // namespace
}  // namespace quench
