#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace quench::experiments {

// Statistics for comparisons of a few runs. Sums are in the given order, in double precision.

/// @throws std::invalid_argument  for no values
double mean(std::span<const double> values);

/// The middle value; the mean of the two middle ones if their number is even.
/// @throws std::invalid_argument  for no values
double median(std::vector<double> values);

/// The standard deviation with n - 1 in the denominator; none for fewer than two values.
std::optional<double> sample_deviation(std::span<const double> values);

/// The quantile t of Student's t distribution, P(T < t) = `p`, with `degrees` degrees of freedom,
/// to about 10 digits.
/// @throws std::invalid_argument  unless 0 < p < 1 and degrees >= 1
double student_t_quantile(double p, int degrees);

/// The difference between two variants in otherwise equal runs.
struct PairedDifference {
  std::size_t pairs = 0;
  double mean = 0.0;
  /// Half the width of the confidence interval around `mean`; none for fewer than two pairs.
  std::optional<double> half_width;
};

/// The mean of values[i] - baseline[i] and its Student-t interval with n - 1 degrees of freedom.
/// Pairing removes what two runs with the same seed share (initialization, order of the images).
/// @throws std::invalid_argument  if the lengths differ or are 0
PairedDifference paired_difference(std::span<const double> values, std::span<const double> baseline,
                                   double confidence = 0.95);

/// The exact McNemar test of two classifiers on the same images: the probability that two equally
/// good classifiers differ by at least this much by chance. Only images that exactly one of them
/// classifies correctly count. Each is then a fair coin toss, so this is the two-sided binomial
/// test, for any number of images.
/// @param only_a, only_b  images that only one classifies correctly; >= 0
double mcnemar_p(std::int64_t only_a, std::int64_t only_b);

}  // namespace quench::experiments
