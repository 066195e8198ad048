#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "quant/grid.h"
#include "quant/statistics/value_range.h"

namespace quench::ptq {

// Thresholds for clipping |x| before quantization, so that a few large values do not cost the
// others resolution. Histograms are of |x|, with bins of equal `width` from 0 upwards
// (ptq/histogram.h).

/// The result of a search: the whole curve, for tests and plots.
struct ThresholdSearch {
  double threshold = 0.0;
  std::size_t best = 0;           ///< index of the chosen candidate
  std::vector<double> candidate;  ///< the threshold of each
  std::vector<double> objective;  ///< of each; +inf where a divergence is undefined
};

/// The value of rank ceil(percentile / 100 * N) among |x| in ascending order.
/// @param percentile  in (0, 100]
double percentile_threshold(std::span<const float> x, double percentile);
/// The same rank in a histogram: the upper edge of its bin.
double percentile_threshold(std::span<const double> counts, double width, double percentile);

/// |mean| + 3 * std (population), for `count` values with these sums of x and x^2.
double three_sd_threshold(double count, double sum, double sum_of_squares);

/// The t_i = i / 100 * reach, i = 1..100, with the smallest mean squared error of fake_quantize(x)
/// on `grid` with scale t_i / qmax (binary: t_i).
///
/// @param weights  how often each x counts; empty: once
/// @param reach    max|x| > 0
ThresholdSearch mse_threshold(std::span<const float> x, std::span<const double> weights,
                              double reach, const quant::QuantGrid& grid);

/// A search over ranges, with the affine grid of the one that was chosen.
struct RangeSearch {
  quant::ValueRange range;
  quant::QuantGrid grid;
  std::size_t best = 0;           ///< index of the candidate chosen: the first minimum
  std::vector<double> objective;  ///< of each candidate
};

/// BRECQ's (Li et al. 2021, the authors' code): of the ranges (1 - i / 100) * reach, i = 0..79, that with
/// the smallest mean |x - fake_quantize(x)|^2.4 on the affine grid of `bits` bits that covers it. A power
/// above 2 weighs the clipped values more.
///
/// @param weights  how often each x counts; empty: once
/// @param reach    of x, with min < max
RangeSearch lp_range(std::span<const float> x, std::span<const double> weights,
                     const quant::ValueRange& reach, int bits);

/// Which of several thresholds that lose equally little is chosen.
enum class EqualThresholds : std::uint8_t { smallest, largest };

/// TensorRT's method: the number of bins i = levels..bins for which quantizing the clipped
/// histogram P to `levels` values Q has the smallest D = sum P ln(P / Q); the threshold is (i +
/// 0.5) * width. The last bin of P includes all values beyond it, that of Q does not; each group of
/// Q spreads its sum over its non-empty bins. Candidates whose D differ by less than 1e-12 are
/// tied. With fewer bins than levels there is no candidate, and the threshold is the last edge.
/// @param equals  the definition takes the smallest. D is 0 for a single occupied bin, however much lies
///                beyond it, so of tensors with few distinct values this clips nearly all
ThresholdSearch kl_threshold(std::span<const double> counts, double width, int levels,
                             EqualThresholds equals = EqualThresholds::smallest);

/// Graffitist's method, after Settle et al. 2018: the same idea on cumulative distributions. For i
/// = n+1..bins, q is the cdf of the values clipped at bin i, linearly interpolated through n of its
/// points; D = sum over cdf > 0 of (cdf - q) * log2(cdf / q), and +inf if all values are beyond;
/// the threshold is (i + 0.5) * width.
/// @param levels  n: 2^bits, or 2^(bits-1) for signed values. If n + 1 > bins, the threshold is the
///                last edge
ThresholdSearch kl_j_threshold(std::span<const double> counts, double width, int levels);

}  // namespace quench::ptq
