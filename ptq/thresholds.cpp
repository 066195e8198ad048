#include "ptq/thresholds.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>

#include "core/parallel.h"
#include "quant/code.h"
#include "quant/parts/affine_range.h"
#include "quant/statistics/value_range.h"

namespace quench::ptq {
namespace {

/// Counted from 1. Multiplies first and corrects for a rounding error, so that 99 % of 400 is 396.
double nearest_rank(double count, double percentile) {
  return std::max(1.0, std::ceil(percentile * count / 100.0 * (1.0 - 1e-12)));
}

/// Mean of weight * error(x)^2, `error` in float as the quantizer computes it.
template <typename Error>
double mean_square(std::span<const float> x, std::span<const double> weights, Error error) {
  constexpr std::size_t kPiece = 1024, kLanes = 16;
  std::array<float, kPiece> squares;
  double sum = 0.0, count = 0.0;
  for (std::size_t at = 0; at < x.size(); at += kPiece) {
    const std::size_t size = std::min(kPiece, x.size() - at);
    const float* __restrict from = x.data() + at;
    for (std::size_t i = 0; i < size; ++i) {
      const float e = error(from[i]);
      squares[i] = e * e;
    }
    if (!weights.empty()) {
      for (std::size_t i = 0; i < size; ++i) {
        sum += weights[at + i] * double{squares[i]};
        count += weights[at + i];
      }
      continue;
    }
    std::array<float, kLanes> lanes{};
    std::size_t i = 0;
    for (; i + kLanes <= size; i += kLanes) {
      for (std::size_t lane = 0; lane < kLanes; ++lane) lanes[lane] += squares[i + lane];
    }
    for (; i < size; ++i) lanes[0] += squares[i];
    for (const float lane : lanes) sum += double{lane};
    count += static_cast<double>(size);
  }
  return sum / count;
}

/// Errors are squared in units of the reach, because squares of huge or tiny errors overflow or
/// underflow float32.
double fake_quantize_error(std::span<const float> x, std::span<const double> weights,
                           double threshold, double reach, const quant::QuantGrid& grid) {
  const float scale = quant::storable_scale(threshold / grid.qmax);
  const auto unit = static_cast<float>(reach);
  const double unit_square = reach * reach;
  if (grid.binary()) {
    const auto error = [=](float v) { return (v - scale * quant::binary_code(v)) / unit; };
    return unit_square * mean_square(x, weights, error);
  }
  const quant::CodeRange range = quant::centered_range(grid);
  const auto error = [=](float v) {
    return (v - scale * quant::integer_code(v, scale, range)) / unit;
  };
  return unit_square * mean_square(x, weights, error);
}

constexpr double kPower = 2.4;

/// Mean of weight * |x - fake_quantize(x)|^power on `grid`.
double mean_power(std::span<const float> x, std::span<const double> weights,
                  const quant::QuantGrid& grid, double power) {
  const float scale = grid.scale[0];
  const quant::CodeRange range = quant::centered_range(grid);
  double sum = 0.0, count = 0.0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double weight = weights.empty() ? 1.0 : weights[i];
    const double error =
        double{x[i]} - double{scale} * double{quant::integer_code(x[i], scale, range)};
    sum += weight * std::pow(std::abs(error), power);
    count += weight;
  }
  return sum / count;
}

}  // namespace

double percentile_threshold(std::span<const float> x, double percentile) {
  std::vector<float> magnitudes(x.size());
  std::ranges::transform(x, magnitudes.begin(), [](float v) { return std::abs(v); });
  const double rank = nearest_rank(static_cast<double>(x.size()), percentile);
  const auto place = magnitudes.begin() + static_cast<std::ptrdiff_t>(rank) - 1;
  std::ranges::nth_element(magnitudes, place);
  return double{*place};
}

double percentile_threshold(std::span<const double> counts, double width, double percentile) {
  double total = 0.0;
  for (const double count : counts) total += count;
  const double rank = nearest_rank(total, percentile);
  double cumulative = 0.0;
  std::size_t bin = 0;
  while (bin < counts.size() && (cumulative += counts[bin]) < rank) ++bin;
  return static_cast<double>(bin + 1) * width;
}

double three_sd_threshold(double count, double sum, double sum_of_squares) {
  const double mean = sum / count;
  const double variance = std::max(0.0, sum_of_squares / count - mean * mean);
  return std::abs(mean) + 3.0 * std::sqrt(variance);
}

ThresholdSearch mse_threshold(std::span<const float> x, std::span<const double> weights,
                              double reach, const quant::QuantGrid& grid) {
  constexpr std::int64_t kSteps = 100;
  ThresholdSearch search;
  for (std::int64_t i = 1; i <= kSteps; ++i) {
    search.candidate.push_back(static_cast<double>(i) / kSteps * reach);
  }
  search.objective.resize(kSteps);
  const auto size = static_cast<std::int64_t>(x.size());
  parallel_for(
      kSteps, std::max<std::int64_t>(1, kParallelGrain / size),
      [&](std::int64_t begin, std::int64_t end) {
        for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i) {
          search.objective[i] = fake_quantize_error(x, weights, search.candidate[i], reach, grid);
        }
      });
  const auto best = std::ranges::min_element(search.objective);
  search.best = static_cast<std::size_t>(best - search.objective.begin());
  search.threshold = search.candidate[search.best];
  return search;
}

RangeSearch lp_range(std::span<const float> x, std::span<const double> weights,
                     const quant::ValueRange& reach, int bits) {
  constexpr std::int64_t kCandidates = 80;
  const auto range_at = [&reach](std::size_t i) {
    const double share = 1.0 - 0.01 * static_cast<double>(i);
    return quant::ValueRange{share * reach.min, share * reach.max};
  };
  const auto grid_of = [bits](const quant::ValueRange& range) {
    quant::QuantGrid grid = quant::unsigned_grid(bits);
    quant::cover_affine(grid, 0, range);
    return grid;
  };
  RangeSearch search;
  search.objective.resize(kCandidates);
  const auto size = static_cast<std::int64_t>(x.size());
  parallel_for(kCandidates, std::max<std::int64_t>(1, kParallelGrain / size),
               [&](std::int64_t begin, std::int64_t end) {
                 for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end);
                      ++i)
                   search.objective[i] = mean_power(x, weights, grid_of(range_at(i)), kPower);
               });
  const auto best = std::ranges::min_element(search.objective);
  search.best = static_cast<std::size_t>(best - search.objective.begin());
  search.range = range_at(search.best);
  search.grid = grid_of(search.range);
  return search;
}

}  // namespace quench::ptq
