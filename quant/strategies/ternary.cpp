#include "quant/strategies/ternary.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "quant/parts/trained_map.h"
#include "quant/statistics/lane_sum.h"
#include "quant/statistics/value_range.h"

namespace quench::quant {
namespace {

struct Above {
  double sum = 0.0;
  double count = 0.0;
};

/// Of the |x| over delta.
Above sum_above(const float* x, std::int64_t count, double delta) {
  const auto magnitude = [x](std::int64_t i) { return std::abs(double{x[i]}); };
  return {
      lane_sum<double>(count,
                       [=](std::int64_t i) { return magnitude(i) > delta ? magnitude(i) : 0.0; }),
      lane_sum<double>(count, [=](std::int64_t i) { return magnitude(i) > delta ? 1.0 : 0.0; })};
}

Ternary optimum(const float* w, std::int64_t count) {
  std::vector<float> sorted(w, w + count);
  for (float& value : sorted) value = std::abs(value);
  std::ranges::sort(sorted, std::greater<>());
  Ternary best;
  double sum = 0.0, greatest = 0.0;
  for (std::int64_t k = 1; k <= count; ++k) {
    sum += double{sorted[static_cast<std::size_t>(k - 1)]};
    const double gain = sum * sum / static_cast<double>(k);
    if (gain <= greatest) continue;
    greatest = gain;
    best.count = k;
    best.alpha = sum / static_cast<double>(k);
  }
  // Equal magnitudes are never parted, since within a run of them the gain is convex in k.
  if (best.count < count) best.delta = double{sorted[static_cast<std::size_t>(best.count)]};
  return best;
}

}  // namespace

std::vector<Ternary> ternary_by_threshold(const Tensor& w, double factor, bool per_channel,
                                          std::string_view who) {
  const std::vector<double> means = mean_abs(w, per_channel, who);
  const Pieces pieces(w.numel(), static_cast<std::int64_t>(means.size()));
  std::vector<Above> parts(static_cast<std::size_t>(pieces.count()));
  pieces.for_each([&](std::int64_t piece) {
    parts[static_cast<std::size_t>(piece)] = sum_above(
        w.data() + pieces.begin(piece), pieces.size(piece), factor * means[pieces.channel(piece)]);
  });
  std::vector<Ternary> result(means.size());
  for (std::size_t i = 0; i < means.size(); ++i) result[i].delta = factor * means[i];
  for (std::int64_t piece = 0; piece < pieces.count(); ++piece) {
    const Above& part = parts[static_cast<std::size_t>(piece)];
    result[pieces.channel(piece)].alpha += part.sum;
    result[pieces.channel(piece)].count += static_cast<std::int64_t>(part.count);
  }
  for (Ternary& slice : result) {
    if (slice.count > 0) slice.alpha /= static_cast<double>(slice.count);
  }
  return result;
}

std::vector<Ternary> ternary_optimum(const Tensor& w, bool per_channel, std::string_view who) {
  std::vector<Ternary> result(finite_extents(w, per_channel, who).size());
  const std::int64_t slice = w.numel() / static_cast<std::int64_t>(result.size());
  for (std::size_t channel = 0; channel < result.size(); ++channel) {
    result[channel] = optimum(w.data() + static_cast<std::int64_t>(channel) * slice, slice);
  }
  return result;
}

}  // namespace quench::quant
