#include "experiments/compare/statistics.h"

#include <algorithm>
#include <cmath>

#include "support/error.h"

namespace quench::experiments {
namespace {

/// The continued fraction of the incomplete beta function, by Lentz's method (Press et al.,
/// Numerical Recipes, section 6.4). It converges fast for x < (a + 1) / (a + b + 2).
double beta_fraction(double a, double b, double x) {
  constexpr int kMostTerms = 10'000;
  constexpr double kTiny = 1e-300, kPrecision = 1e-15;
  const auto bounded = [](double v) { return std::abs(v) < kTiny ? kTiny : v; };
  double c = 1.0;
  double d = 1.0 / bounded(1.0 - (a + b) * x / (a + 1.0));
  double result = d;
  for (int i = 1; i <= kMostTerms; ++i) {
    const double m = i;
    const double even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
    d = 1.0 / bounded(1.0 + even * d);
    c = bounded(1.0 + even / c);
    result *= d * c;
    const double odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
    d = 1.0 / bounded(1.0 + odd * d);
    c = bounded(1.0 + odd / c);
    result *= d * c;
    if (std::abs(d * c - 1.0) < kPrecision) break;
  }
  return result;
}

/// The regularized incomplete beta function I_x(a, b) for 0 < x < 1.
double incomplete_beta(double a, double b, double x) {
  const double log_beta = std::lgamma(a) + std::lgamma(b) - std::lgamma(a + b);
  const double front = std::exp(a * std::log(x) + b * std::log1p(-x) - log_beta);
  if (x < (a + 1.0) / (a + b + 2.0)) return front * beta_fraction(a, b, x) / a;
  return 1.0 - front * beta_fraction(b, a, 1.0 - x) / b;
}

/// P(T > t) for t > 0.
double student_t_tail(double t, double degrees) {
  return 0.5 * incomplete_beta(0.5 * degrees, 0.5, degrees / (degrees + t * t));
}

}  // namespace

double mean(std::span<const double> values) {
  require(!values.empty(), "mean: expected at least one value, got none");
  double sum = 0.0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

double median(std::vector<double> values) {
  require(!values.empty(), "median: expected at least one value, got none");
  std::ranges::sort(values);
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : 0.5 * (values[half - 1] + values[half]);
}

std::optional<double> sample_deviation(std::span<const double> values) {
  if (values.size() < 2) return std::nullopt;
  const double center = mean(values);
  double squares = 0.0;
  for (const double value : values) squares += (value - center) * (value - center);
  return std::sqrt(squares / static_cast<double>(values.size() - 1));
}

double student_t_quantile(double p, int degrees) {
  require(p > 0.0 && p < 1.0, "student_t_quantile: expected p in (0, 1), got {}", p);
  require(degrees >= 1, "student_t_quantile: expected degrees >= 1, got {}", degrees);
  if (p == 0.5) return 0.0;
  if (p < 0.5) return -student_t_quantile(1.0 - p, degrees);
  const double tail = 1.0 - p;
  double low = 0.0, high = 1.0;
  while (student_t_tail(high, degrees) > tail) {
    low = high;
    high *= 2.0;
  }
  // Bisection to the last bit takes about fifty evaluations and needs no derivative.
  for (double middle = 0.5 * (low + high); low < middle && middle < high;
       middle = 0.5 * (low + high)) {
    (student_t_tail(middle, degrees) > tail ? low : high) = middle;
  }
  return 0.5 * (low + high);
}

PairedDifference paired_difference(std::span<const double> values, std::span<const double> baseline,
                                   double confidence) {
  require(values.size() == baseline.size(),
          "paired_difference: expected as many values as baseline values, got {} and {}",
          values.size(), baseline.size());
  std::vector<double> differences;
  for (std::size_t i = 0; i < values.size(); ++i) differences.push_back(values[i] - baseline[i]);
  PairedDifference result{.pairs = differences.size(), .mean = mean(differences)};
  if (const auto deviation = sample_deviation(differences)) {
    const double t = student_t_quantile(0.5 + 0.5 * confidence, static_cast<int>(result.pairs) - 1);
    result.half_width = t * *deviation / std::sqrt(static_cast<double>(result.pairs));
  }
  return result;
}

double mcnemar_p(std::int64_t only_a, std::int64_t only_b) {
  require(only_a >= 0 && only_b >= 0, "mcnemar_p: expected counts >= 0, got {} and {}", only_a,
          only_b);
  const auto n = static_cast<double>(only_a + only_b);
  double tail = 0.0;
  for (std::int64_t i = 0; i <= std::min(only_a, only_b); ++i) {
    const auto k = static_cast<double>(i);
    // In logarithms, because 2^n and the binomial coefficients overflow doubles from n = 1030.
    tail += std::exp(std::lgamma(n + 1.0) - std::lgamma(k + 1.0) - std::lgamma(n - k + 1.0) -
                     n * std::log(2.0));
  }
  return std::min(1.0, 2.0 * tail);
}

}  // namespace quench::experiments
