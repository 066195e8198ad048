#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "quant/grid.h"

namespace quench::quant {

// Where to clip |x| before it is quantized, so that a few large values do not cost all others their
// resolution. Histograms are of |x|: bins of equal `width` from 0 upwards (ptq/histogram.h).

/// A search over candidates: the whole curve, so that tests and plots can see it.
struct ThresholdSearch {
  double threshold = 0.0;
  std::size_t best = 0;           ///< index of the candidate chosen: the first minimum
  std::vector<double> candidate;  ///< the threshold of each
  std::vector<double> objective;  ///< of each; +inf where a divergence has no value
};

/// The value of rank ceil(percentile / 100 * N) among |x| in ascending order.
/// @param percentile  in (0, 100]
double percentile_threshold(std::span<const float> x, double percentile);
/// The same rank on a histogram: the upper edge of the bin that holds it.
double percentile_threshold(std::span<const double> counts, double width, double percentile);

/// |mean| + 3 * std (population), of `count` values with these sums of x and of x^2.
double three_sd_threshold(double count, double sum, double sum_of_squares);

/// Of t_i = i / 100 * reach, i = 1..100, that with the smallest mean squared error of
/// fake_quantize(x) on `grid` with scale t_i / qmax (binary: t_i).
///
/// @param weights  how often each x counts; empty: once
/// @param reach    max|x| > 0
ThresholdSearch mse_threshold(std::span<const float> x, std::span<const double> weights,
                              double reach, const QuantGrid& grid);

/// TensorRT's: the i = levels..bins bins whose clipped histogram P loses least when quantized to
/// `levels` values Q, by D = sum P ln(P / Q); threshold (i + 0.5) * width. P holds all that lies
/// beyond in its last bin, Q does not; each of Q's groups spreads its sum over its non-empty bins.
/// Candidates whose D differ by less than 1e-12 are a tie. With fewer bins than levels there is no
/// candidate, and the threshold is the last edge.
ThresholdSearch kl_threshold(std::span<const double> counts, double width, int levels);

/// Graffitist's, after Settle et al. 2018: the same idea on cumulative distributions. For
/// i = n+1..bins, q is the cdf of the values clipped at bin i, linearly interpolated through n of
/// its points; D = sum over cdf > 0 of (cdf - q) * log2(cdf / q), and +inf if all values lie beyond;
/// threshold (i + 0.5) * width.
/// @param levels  n: 2^bits, or 2^(bits-1) for signed values. Where n + 1 > bins, the last edge
ThresholdSearch kl_j_threshold(std::span<const double> counts, double width, int levels);

}  // namespace quench::quant
