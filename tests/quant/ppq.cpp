#include "quant/strategies/ppq.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "quant/fixture.h"

namespace quench::quant {
namespace {

double squared_error(std::span<const float> x, double gamma, double qmax) {
  double total = 0.0;
  for (const float value : x) {
    const double q = std::fmin(std::fmax(std::nearbyint(value / gamma), -qmax), qmax);
    total += (value - gamma * q) * (value - gamma * q);
  }
  return total;
}

double cold_start(const Tensor& x, double qmax) { return double{extent(x.span()).max_abs} / qmax; }

TEST_CASE("ppq: every update lowers the error, until the codes repeat, for every width") {
  const Tensor x = random_tensor({3000}, 1);
  for (int bits = 2; bits <= 8; ++bits) {
    CAPTURE(bits);
    const double qmax = (1 << (bits - 1)) - 1;
    const PpqResult result = ppq(x.span(), bits);
    REQUIRE(result.converged);
    double error = squared_error(x.span(), cold_start(x, qmax), qmax);
    for (int updates = 1; updates <= result.updates; ++updates) {
      const double gamma = ppq(x.span(), bits, {.max_updates = updates}).gamma;
      const double next = squared_error(x.span(), gamma, qmax);
      CHECK(next <= error * (1.0 + 1e-6));
      error = next;
    }
    QuantGrid grid = signed_narrow_grid(bits);
    grid.scale[0] = static_cast<float>(result.gamma);
    const Tensor codes = centered_codes(x, grid);
    grid.scale[0] = static_cast<float>(result.code_gamma);
    CHECK(same_bits(codes, centered_codes(x, grid)));
    double xq = 0.0, qq = 0.0;
    for (std::int64_t i = 0; i < x.numel(); ++i) {
      xq += double{x.data()[i]} * double{codes.data()[i]};
      qq += double{codes.data()[i]} * double{codes.data()[i]};
    }
    CHECK(result.gamma == doctest::Approx(xq / qq).epsilon(1e-12));
  }
}

TEST_CASE("ppq: a limit ends it early, with codes of the previous scale") {
  const Tensor x = random_tensor({3000}, 1);
  const PpqResult early = ppq(x.span(), 4, {.max_updates = 2});
  CHECK_FALSE(early.converged);
  CHECK(early.updates == 2);
  CHECK(early.code_gamma == ppq(x.span(), 4, {.max_updates = 1}).gamma);
}

TEST_CASE("ppq: zeros give scale 1, tiny values a scale within float32") {
  CHECK(ppq(Tensor::zeros({7}).span(), 4).gamma == 1.0);
  CHECK(ppq(Tensor::zeros({7}).span(), 4, {.gamma = 0.5}).degenerate);
  const Tensor tiny = Tensor::full({3, 2}, 1e-38f);
  for (const float scale : ppq_scales(tiny, 8, true, 0, "test").gamma) {
    CHECK(scale == std::numeric_limits<float>::min());
  }
  // All codes are 0 with the smallest possible scale, so no update helps.
  CHECK(ppq(Tensor::full({7}, 1e-40f).span(), 8).converged);
  // Without a positive value, unsigned codes have nothing to fit.
  CHECK(ppq(Tensor::full({7}, -1.0f).span(), 4, {.unsigned_codes = true}).degenerate);
}

TEST_CASE("ppq: values that cannot be fitted are rejected by name") {
  const Tensor none({0});
  CHECK_THROWS_WITH_AS(ppq(none.span(), 4, {}, "conv.input"),
                       "conv.input: expected at least one element, got none",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(ppq(vector_of({1.0f, INFINITY}).span(), 4, {}, "conv.input"),
                       "conv.input: expected finite values, got NaN or infinity",
                       std::invalid_argument);
  CHECK_THROWS_AS(ppq(vector_of({1.0f, -NAN}).span(), 4), std::invalid_argument);
  CHECK_THROWS_AS(ppq(vector_of({1.0f}).span(), 1), std::invalid_argument);
  CHECK_THROWS_AS(ppq_scales(Tensor({3, 0}), 4, true, 0, "test"), std::invalid_argument);
}

TEST_CASE("ppq_scales: per channel equals per tensor on each slice") {
  const Tensor w = random_tensor({5, 4, 3, 3}, 2);
  const std::vector<float> scales = ppq_scales(w, 4, true, 0, "test").gamma;
  REQUIRE(scales.size() == 5);
  for (std::int64_t c = 0; c < 5; ++c) {
    CHECK(scales[static_cast<std::size_t>(c)] ==
          static_cast<float>(ppq(w.slice(c, c + 1).span(), 4).gamma));
  }
}

}  // namespace
}  // namespace quench::quant
