#include "quant/strategies/affine_fit.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "core/communicator.h"
#include "quant/statistics/batch_statistics.h"

namespace quench::quant {
namespace {

constexpr std::int64_t kSamples = 65536;
constexpr int kTurns = 10;

struct Turn {
  double error;      ///< of the grid that came in
  AffineFit fitted;  ///< the regression on its codes
};

Turn turn(const std::vector<double>& x, const AffineFit& grid, std::int32_t qmax) {
  std::array<double, 6> sums{0.0, 0.0, 0.0, 0.0, 0.0, static_cast<double>(x.size())};
  auto& [error, q_sum, qq_sum, x_sum, qx_sum, count] = sums;
  for (const double value : x) {
    const double q = std::clamp(std::nearbyint((value - grid.offset) / grid.scale), 0.0,
                                static_cast<double>(qmax));
    const double difference = grid.offset + grid.scale * q - value;
    error += difference * difference;
    q_sum += q;
    qq_sum += q * q;
    x_sum += value;
    qx_sum += q * value;
  }
  communicator().sum(sums);
  const double spread = count * qq_sum - q_sum * q_sum;
  const double scale = spread > 0.0 ? (count * qx_sum - q_sum * x_sum) / spread : 0.0;
  // All on one code: nothing to fit a line to.
  if (!(scale > 0.0)) return {error, grid};
  return {error, {scale, (x_sum - scale * q_sum) / count}};
}

}  // namespace

AffineFit cover_range(double min, double max, std::int32_t qmax) {
  return {(max - min) / qmax, min};
}

AffineFit least_squares_grid(std::span<const float> x, double min, double max, std::int32_t qmax) {
  const auto own = static_cast<std::int64_t>(x.size());
  const BatchPlace batch(own);
  const std::int64_t stride = (batch.size + kSamples - 1) / kSamples;
  std::vector<double> samples;
  for (std::int64_t i = batch.first_multiple(stride); i < own; i += stride)
    samples.push_back(x[static_cast<std::size_t>(i)]);

  AffineFit best = cover_range(min, max, qmax);
  double least = std::numeric_limits<double>::infinity();
  // Turns only find the nearest minimum, and from the full range of a long tail that is a poor one.
  for (const double shrink : {1.0, 0.8, 0.6, 0.45, 0.3, 0.2, 0.1}) {
    AffineFit grid = cover_range(shrink * min, shrink * max, qmax);
    for (int i = 0; i <= kTurns; ++i) {
      const Turn next = turn(samples, grid, qmax);
      if (next.error < least) {
        least = next.error;
        best = grid;
      }
      grid = next.fitted;
    }
  }
  return best;
}

}  // namespace quench::quant
