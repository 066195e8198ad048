#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace quench::train {

// What a comparison of few runs needs. Sums are taken in the order given, in double precision.

/// @throws std::invalid_argument  for no values
double mean(std::span<const double> values);

/// The middle value; the mean of the two middle ones if their number is even.
/// @throws std::invalid_argument  for no values
double median(std::vector<double> values);

/// The standard deviation with n - 1 in the denominator; none for fewer than two values.
std::optional<double> sample_deviation(std::span<const double> values);

/// The t below which a Student-t variable with `degrees` degrees of freedom stays with probability
/// `p`, to about 10 digits.
/// @throws std::invalid_argument  unless 0 < p < 1 and degrees >= 1
double student_t_quantile(double p, int degrees);

/// How much one variant is above another in runs that differ in nothing else.
struct PairedDifference {
  std::size_t pairs = 0;
  double mean = 0.0;
  /// Half the width of the confidence interval around `mean`; none for fewer than two pairs.
  std::optional<double> half_width;
};

/// The mean of values[i] - baseline[i] and its Student-t interval with n - 1 degrees of freedom.
/// Pairing takes out what the two runs of a seed share (initialization, order of the images).
/// @throws std::invalid_argument  for no pairs or different lengths
PairedDifference paired_difference(std::span<const double> values, std::span<const double> baseline,
                                   double confidence = 0.95);

/// The exact McNemar test of two classifiers on the same images: with which probability two that are
/// equally good differ by chance as much as these do, or more. Only images that one of them alone
/// gets right count; each is a fair coin then, so this is the two-sided binomial test, whatever their
/// number.
/// @param only_a, only_b  images that one gets right and the other does not; >= 0
double mcnemar_p(std::int64_t only_a, std::int64_t only_b);

}  // namespace quench::train
