#include "ptq/depthwise_rescale.h"

#include <algorithm>
#include <cmath>

#include "quant/statistics/value_range.h"
#include "support/error.h"

namespace quench::quant {
namespace {

void check(const Tensor& depthwise, std::span<const float> largest) {
  require(depthwise.rank() == 4 && depthwise.dim(1) == 1,
          "rescale_depthwise: expected a depthwise weight [C, 1, KH, KW], got {}",
          depthwise.shape().to_string());
  require(largest.empty() || static_cast<std::int64_t>(largest.size()) == depthwise.dim(0),
          "rescale_depthwise: expected the largest values of {} channels, got {}", depthwise.dim(0),
          largest.size());
  require(std::ranges::all_of(largest, [](float x) { return std::isfinite(x); }),
          "rescale_depthwise: expected finite largest values");
}

void check_around(const Tensor& depthwise, const Tensor& bias, const Tensor& pointwise) {
  const std::int64_t channels = depthwise.dim(0);
  require(!bias.defined() || bias.shape() == Shape({channels}),
          "rescale_depthwise: expected a bias [{}], got {}", channels, bias.shape().to_string());
  require(pointwise.shape() == Shape({pointwise.dim(0), channels, 1, 1}),
          "rescale_depthwise: expected a pointwise weight [O, {}, 1, 1], got {}", channels,
          pointwise.shape().to_string());
}

/// The mean over the locked channels, or over all if none is.
double mean_threshold(const DepthwiseRescale& rescale) {
  const bool any = std::ranges::find(rescale.locked, true) != rescale.locked.end();
  double sum = 0.0, count = 0.0;
  for (std::size_t k = 0; k < rescale.thresholds.size(); ++k) {
    if (any && !rescale.locked[k]) continue;
    sum += rescale.thresholds[k];
    count += 1.0;
  }
  return sum / count;
}

void apply(const std::vector<double>& factors, Tensor& depthwise, Tensor& bias, Tensor& pointwise) {
  const std::size_t channels = factors.size();
  const auto times = [](float value, double factor) {
    return static_cast<float>(double{value} * factor);
  };
  const std::size_t taps = depthwise.span().size() / channels;
  for (std::size_t i = 0; i < depthwise.span().size(); ++i)
    depthwise.data()[i] = times(depthwise.data()[i], factors[i / taps]);
  // A 1x1 weight [O, C, 1, 1] has C innermost in memory.
  for (std::size_t i = 0; i < pointwise.span().size(); ++i)
    pointwise.data()[i] = static_cast<float>(double{pointwise.data()[i]} / factors[i % channels]);
  if (bias.defined()) {
    for (std::size_t k = 0; k < channels; ++k) bias.data()[k] = times(bias.data()[k], factors[k]);
    bias.bump_version();
  }
  depthwise.bump_version();
  pointwise.bump_version();
}

}  // namespace

DepthwiseRescale choose_depthwise_rescale(const Tensor& depthwise, std::span<const float> largest,
                                          const RescaleOptions& options) {
  check(depthwise, largest);
  const std::vector<Extent> reach = finite_extents(depthwise, true, "rescale_depthwise");
  DepthwiseRescale result;
  for (std::size_t k = 0; k < reach.size(); ++k) {
    result.thresholds.push_back(double{reach[k].max_abs});
    result.locked.push_back(!largest.empty() && largest[k] >= options.lock_at);
  }
  result.target = mean_threshold(result);
  for (std::size_t k = 0; k < reach.size(); ++k) {
    const double threshold = result.thresholds[k];
    double factor = 1.0;
    if (!result.locked[k] && threshold > 0.0 && result.target > 0.0) {
      factor = result.target / threshold;
      if (!largest.empty() && largest[k] > 0.0f)
        factor = std::min(factor, double{options.cap} / double{largest[k]});
    }
    result.factors.push_back(factor);
  }
  return result;
}

DepthwiseRescale rescale_depthwise(Tensor& depthwise, Tensor& bias, Tensor& pointwise,
                                   std::span<const float> largest, const RescaleOptions& options) {
  check(depthwise, largest);
  check_around(depthwise, bias, pointwise);
  DepthwiseRescale result = choose_depthwise_rescale(depthwise, largest, options);
  apply(result.factors, depthwise, bias, pointwise);
  return result;
}

}  // namespace quench::quant
