#include "ptq/thresholds.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "core/parallel.h"
#include "quant/fixture.h"

namespace quench::ptq {
namespace {

std::vector<double> random_counts(std::size_t bins, std::uint64_t seed) {
  Random random(seed, "test");
  std::vector<double> counts(bins);
  for (std::size_t i = 0; i < bins; ++i) {
    const double expected =
        200.0 * std::exp(-6.0 * static_cast<double>(i) / static_cast<double>(bins));
    counts[i] = std::floor(expected * std::abs(double{random.normal()}));
  }
  counts.back() = 1.0;
  return counts;
}

/// The literal definition, with P and Q written out.
double naive_kl(const std::vector<double>& counts, std::size_t size, std::size_t levels) {
  std::vector<double> p(counts.begin(), counts.begin() + static_cast<std::ptrdiff_t>(size));
  std::vector<double> q(size, 0.0);
  for (std::size_t group = 0; group < levels; ++group) {
    const std::size_t begin = group * size / levels, end = (group + 1) * size / levels;
    double sum = 0.0, used = 0.0;
    for (std::size_t i = begin; i < end; ++i) {
      sum += counts[i];
      used += counts[i] > 0.0 ? 1.0 : 0.0;
    }
    for (std::size_t i = begin; i < end; ++i) q[i] = counts[i] > 0.0 ? sum / used : 0.0;
  }
  for (std::size_t i = size; i < counts.size(); ++i) p.back() += counts[i];
  double p_total = 0.0, q_total = 0.0, divergence = 0.0;
  for (std::size_t i = 0; i < size; ++i) {
    p_total += p[i];
    q_total += q[i];
  }
  for (std::size_t i = 0; i < size; ++i) {
    if (p[i] == 0.0) continue;
    if (q[i] == 0.0) return std::numeric_limits<double>::infinity();
    divergence += p[i] / p_total * std::log(p[i] / p_total / (q[i] / q_total));
  }
  return divergence;
}

TEST_CASE("KL: the whole curve matches the definition, gaps and outliers included") {
  for (const std::size_t bins : {64, 300}) {
    for (const int levels : {1, 2, 8, 50}) {
      const std::vector<double> counts = random_counts(bins, bins);
      const ThresholdSearch search = kl_threshold(counts, 0.5, levels);
      const auto first = static_cast<std::size_t>(levels);
      REQUIRE(search.objective.size() == bins - first + 1);
      for (std::size_t i = 0; i < search.objective.size(); ++i) {
        const double want = naive_kl(counts, first + i, first);
        CHECK((search.objective[i] == want || std::abs(search.objective[i] - want) < 1e-12));
      }
      CHECK(search.threshold == (static_cast<double>(first + search.best) + 0.5) * 0.5);
    }
  }
}

TEST_CASE(
    "KL: of thresholds that lose nothing the definition takes the smallest, calibration the "
    "largest") {
  // Three distinct magnitudes in 64 bins. Everything beyond the first one fits its bin without loss.
  std::vector<double> counts(64, 0.0);
  counts[20] = 1000.0;
  counts[40] = 30.0;
  counts[63] = 2.0;
  CHECK(kl_threshold(counts, 0.5, 16).threshold == (21.0 + 0.5) * 0.5);
  const ThresholdSearch search = kl_threshold(counts, 0.5, 16, EqualThresholds::largest);
  CHECK(search.threshold == (64.0 + 0.5) * 0.5);
  CHECK(search.objective[search.best] < 1e-12);
}

TEST_CASE("Lp range: the ends of unequal reach shrink together, and weights count values") {
  // Codes 0 to 15 with zero point 5 and step 1, and one value far outside.
  std::vector<float> x;
  for (int i = 0; i < 1600; ++i) x.push_back(static_cast<float>(i % 16) - 5.0f);
  x.push_back(12.5f);
  x.push_back(-6.25f);
  const RangeSearch search = lp_range(x, {}, {-6.25, 12.5}, 4);
  CHECK(search.best == 20);
  CHECK(search.range.min == doctest::Approx(-5.0));
  CHECK(search.range.max == doctest::Approx(10.0));
  CHECK(search.grid.scale[0] == doctest::Approx(1.0));
  CHECK(search.grid.zero_point[0] == 5);
  const double beyond = std::pow(2.5, 2.4) + std::pow(1.25, 2.4);
  CHECK(search.objective[20] == doctest::Approx(beyond / 1602.0).epsilon(1e-4));
  // Each value once, with its number as the weight.
  std::vector<float> distinct;
  std::vector<double> weights;
  for (int i = 0; i < 16; ++i) {
    distinct.push_back(static_cast<float>(i) - 5.0f);
    weights.push_back(100.0);
  }
  for (const float v : {12.5f, -6.25f}) {
    distinct.push_back(v);
    weights.push_back(1.0);
  }
  const RangeSearch weighted = lp_range(distinct, weights, {-6.25, 12.5}, 4);
  CHECK(weighted.best == search.best);
  for (std::size_t i = 0; i < search.objective.size(); ++i)
    CHECK(weighted.objective[i] == doctest::Approx(search.objective[i]));
}

TEST_CASE("KL and KL-J: with fewer bins than levels, the last edge; threads change nothing") {
  const std::vector<double> few{3, 2, 1};
  CHECK(kl_threshold(few, 0.5, 4).threshold == 1.5);
  CHECK(kl_j_threshold(few, 0.5, 4).threshold == 1.5);
  const std::vector<double> counts = random_counts(600, 3);
  const int before = num_threads();
  set_num_threads(1);
  const ThresholdSearch kl = kl_threshold(counts, 0.5, 16), kl_j = kl_j_threshold(counts, 0.5, 16);
  set_num_threads(3);
  CHECK(kl_threshold(counts, 0.5, 16).objective == kl.objective);
  CHECK(kl_j_threshold(counts, 0.5, 16).objective == kl_j.objective);
  set_num_threads(before);
}

TEST_CASE("MSE: values on a grid give that grid's threshold, at any magnitude") {
  for (const float unit : {1.0f, 0x1p-120f, 0x1p120f}) {
    // The outlier at 100 would cost more clipped than all others cost on a coarse grid, but
    // it occurs once and they occur 10,000 times.
    std::vector<float> x(10000, 7.0f * unit);
    for (std::size_t i = 0; i < x.size(); ++i)
      x[i] = static_cast<float>(i % 15) * unit - 7.0f * unit;
    x[0] = 10.0f * unit;
    const ThresholdSearch search =
        mse_threshold(x, {}, double{10.0f * unit}, quant::signed_narrow_grid(4));
    CHECK(search.best == 69);  // i = 70
    CHECK(search.threshold == doctest::Approx(7.0 * double{unit}));
    const double squared = 9.0 * double{unit} * double{unit} / 10000.0;
    CHECK(search.objective[69] == doctest::Approx(squared).epsilon(1e-3));
  }
}

TEST_CASE("MSE: a weight counts a value several times; a binary grid ends near mean |x|") {
  const std::vector<float> x{0.5f, 1.5f, 4.0f}, repeated{0.5f, 0.5f, 0.5f, 1.5f, 1.5f, 4.0f};
  const std::vector<double> weights{3, 2, 1};
  const quant::QuantGrid grid = quant::unsigned_grid(2);
  const ThresholdSearch a = mse_threshold(x, weights, 4.0, grid);
  const ThresholdSearch b = mse_threshold(repeated, {}, 4.0, grid);
  CHECK(a.best == b.best);
  for (std::size_t i = 0; i < 100; ++i) CHECK(a.objective[i] == doctest::Approx(b.objective[i]));
  const std::vector<float> binary{-1.0f, 1.0f, 4.0f, -2.0f};
  CHECK(mse_threshold(binary, {}, 4.0, quant::binary_grid()).threshold == 2.0);
}

TEST_CASE("percentile: nearest rank, of values and of bins") {
  std::vector<float> x;
  for (int i = 1; i <= 400; ++i) x.push_back(static_cast<float>(i % 2 == 0 ? i : -i));
  CHECK(percentile_threshold(x, 99.0) == 396.0);
  CHECK(percentile_threshold(x, 99.9) == 400.0);
  CHECK(percentile_threshold(x, 0.01) == 1.0);
  CHECK(percentile_threshold(std::vector<double>{90, 9, 0, 1}, 0.5, 90.0) == 0.5);
  CHECK(percentile_threshold(std::vector<double>{90, 9, 0, 1}, 0.5, 99.0) == 1.0);
  CHECK(percentile_threshold(std::vector<double>{90, 9, 0, 1}, 0.5, 99.5) == 2.0);
}

}  // namespace
}  // namespace quench::ptq
