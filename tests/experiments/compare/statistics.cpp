#include "experiments/compare/statistics.h"

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <stdexcept>
#include <vector>

using namespace quench::experiments;

TEST_CASE("statistics: mean, median and deviation of values that can be checked by hand") {
  const std::vector<double> values{2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0};
  CHECK(mean(values) == 5.0);
  CHECK(median(values) == 4.5);
  CHECK(median({3.0, 100.0, 1.0}) == 3.0);
  CHECK(sample_deviation(values).value() == doctest::Approx(std::sqrt(32.0 / 7.0)).epsilon(1e-15));
  CHECK_FALSE(sample_deviation(std::vector{1.0}).has_value());
  CHECK_FALSE(sample_deviation(std::vector<double>{}).has_value());
}

TEST_CASE("student_t_quantile: the published two-sided 95 % table") {
  const std::array<std::pair<int, double>, 7> table{{{1, 12.7062},
                                                     {2, 4.30265},
                                                     {3, 3.18245},
                                                     {4, 2.77645},
                                                     {9, 2.26216},
                                                     {30, 2.04227},
                                                     {120, 1.97993}}};
  for (const auto& [degrees, t] : table) {
    CAPTURE(degrees);
    CHECK(std::abs(student_t_quantile(0.975, degrees) - t) < 5e-5 * (degrees == 1 ? 1.0 : 0.1));
  }
}

TEST_CASE("student_t_quantile: closed forms for one, two and four degrees of freedom") {
  for (const double p : {0.51, 0.6, 0.9, 0.995, 0.9999}) {
    CAPTURE(p);
    const double pi = std::acos(-1.0), q = 4.0 * p * (1.0 - p);
    CHECK(student_t_quantile(p, 1) == doctest::Approx(std::tan(pi * (p - 0.5))).epsilon(1e-10));
    CHECK(student_t_quantile(p, 2) ==
          doctest::Approx((2 * p - 1) * std::sqrt(2 / q)).epsilon(1e-10));
    const double root = std::cos(std::acos(std::sqrt(q)) / 3.0) / std::sqrt(q);
    CHECK(student_t_quantile(p, 4) == doctest::Approx(2.0 * std::sqrt(root - 1.0)).epsilon(1e-9));
    CHECK(student_t_quantile(1.0 - p, 4) == doctest::Approx(-student_t_quantile(p, 4)));
  }
  CHECK(student_t_quantile(0.5, 7) == 0.0);
  CHECK_THROWS_WITH_AS(student_t_quantile(1.0, 3),
                       "student_t_quantile: expected p in (0, 1), got 1", std::invalid_argument);
  CHECK_THROWS_AS(student_t_quantile(0.9, 0), std::invalid_argument);
}

TEST_CASE("paired_difference: mean and Student-t interval of the differences") {
  // Differences 1, 2, 3: mean 2, deviation 1, t(0.975, 2) = 4.302653, half width t / sqrt(3).
  const PairedDifference result =
      paired_difference(std::vector{91.0, 82.0, 73.0}, std::vector{90.0, 80.0, 70.0});
  CHECK(result.pairs == 3);
  CHECK(result.mean == 2.0);
  CHECK(result.half_width.value() == doctest::Approx(2.484138).epsilon(1e-6));
}

TEST_CASE("paired_difference: one pair has a mean but no interval; no pairs are an error") {
  const PairedDifference result = paired_difference(std::vector{3.0}, std::vector{1.0});
  CHECK(result.mean == 2.0);
  CHECK_FALSE(result.half_width.has_value());
  CHECK_THROWS_AS(paired_difference({}, {}), std::invalid_argument);
  CHECK_THROWS_WITH_AS(paired_difference(std::vector{1.0}, {}),
                       "paired_difference: expected as many values as baseline values, got 1 and 0",
                       std::invalid_argument);
}

TEST_CASE("mcnemar_p: the two-sided binomial test, by exact fractions") {
  CHECK(mcnemar_p(0, 0) == 1.0);
  CHECK(mcnemar_p(5, 5) == 1.0);
  CHECK(mcnemar_p(9, 1) == doctest::Approx(22.0 / 1024.0).epsilon(1e-12));  // 2 (1 + 10) / 2^10
  CHECK(mcnemar_p(0, 12) == doctest::Approx(2.0 / 4096.0).epsilon(1e-12));
  // 2 sum of C(n, i) / 2^n, with Python's integers.
  CHECK(mcnemar_p(20, 45) == doctest::Approx(0.0026263768106840383).epsilon(1e-10));
  CHECK(mcnemar_p(1000, 900) == doctest::Approx(0.02310884510890107).epsilon(1e-9));
  CHECK(mcnemar_p(3000, 3200) == doctest::Approx(0.011488253770871206).epsilon(1e-9));
  CHECK_THROWS_WITH_AS(mcnemar_p(-1, 3), "mcnemar_p: expected counts >= 0, got -1 and 3",
                       std::invalid_argument);
}
