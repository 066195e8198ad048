#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/random.h"
#include "quant/strategies/lsq_plus.h"

namespace quench::quant {
namespace {

double squared_error(const std::vector<float>& x, const AffineFit& grid, int qmax) {
  double error = 0.0;
  for (const float value : x) {
    double nearest = INFINITY;
    for (int q = 0; q <= qmax; ++q)
      nearest = std::min(nearest, std::abs(grid.offset + grid.scale * q - double{value}));
    error += nearest * nearest;
  }
  return error;
}

TEST_CASE("values that lie on a grid are fitted exactly") {
  const std::vector<float> x{-0.75f, -0.25f, 0.25f, 0.75f, -0.75f, 0.25f};
  const AffineFit fit = least_squares_grid(x, -0.75, 0.75, 3);
  CHECK(fit.scale == doctest::Approx(0.5).epsilon(1e-12));
  CHECK(fit.offset == doctest::Approx(-0.75).epsilon(1e-12));
}

TEST_CASE("least squares is within 5 % of the best grid of a fine search, also with a long tail") {
  Random random(1, "test");
  for (const double power : {1.0, 3.0}) {
    std::vector<float> x;
    for (int i = 0; i < 400; ++i) {
      const double normal = random.normal();
      x.push_back(static_cast<float>(std::copysign(std::pow(std::abs(normal), power), normal)));
    }
    const auto [min, max] = std::ranges::minmax(x);
    for (const int qmax : {1, 3, 15}) {
      double best = INFINITY;
      for (double low = 0.025; low < 1.01; low += 0.025) {
        for (double high = 0.025; high < 1.01; high += 0.025) {
          const AffineFit grid = cover_range(low * double{min}, high * double{max}, qmax);
          best = std::min(best, squared_error(x, grid, qmax));
        }
      }
      CAPTURE(power);
      CAPTURE(qmax);
      CHECK(squared_error(x, least_squares_grid(x, min, max, qmax), qmax) < 1.05 * best);
    }
  }
}

}  // namespace
}  // namespace quench::quant
