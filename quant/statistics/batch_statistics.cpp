#include "quant/statistics/batch_statistics.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "core/communicator.h"
#include "support/error.h"

namespace quench::quant {

namespace {

/// The extent over all ranks of one per rank.
Extent join_ranks(const Extent& own) {
  if (communicator().size() == 1) return own;
  // A rank with NaN or infinity reports only that.
  std::array<double, 4> values{0.0, 0.0, 0.0, own.finite ? 0.0 : 1.0};
  if (own.finite) values = {double{own.max_abs}, double{own.max}, -double{own.min}, 0.0};
  communicator().max(values);
  return {static_cast<float>(values[0]), static_cast<float>(values[1]),
          -static_cast<float>(values[2]) + 0.0f, values[3] == 0.0};
}

}  // namespace

Extent batch_extent(std::span<const float> x) { return join_ranks(extent(x)); }

Extent finite_batch_extent(const Tensor& x, std::string_view who) {
  require(x.numel() > 0, "{}: expected at least one element, got shape {}", who,
          x.shape().to_string());
  const Extent reach = join_ranks(extent(x));
  require(reach.finite, "{}: expected finite values, got NaN or infinity in shape {}", who,
          x.shape().to_string());
  return reach;
}

double batch_mean_abs(const Tensor& x, std::string_view who) {
  const double own = mean_abs(x, false, who)[0];
  if (communicator().size() == 1) return own;
  const auto count = static_cast<double>(x.numel());
  std::array sums{count, count * own};
  communicator().sum(sums);
  return sums[1] / sums[0];
}

Moments batch_moments(const Tensor& x, std::string_view who) {
  const Moments own = moments(x, false, who)[0];
  if (communicator().size() == 1) return own;
  const auto count = static_cast<double>(x.numel());
  std::array sums{count, count * own.mean,
                  count * (own.deviation * own.deviation + own.mean * own.mean)};
  communicator().sum(sums);
  const double mean = sums[1] / sums[0];
  return {mean, std::sqrt(std::max(0.0, sums[2] / sums[0] - mean * mean))};
}

BatchPlace::BatchPlace(std::int64_t own_size)
    : size(own_size * communicator().size()), first(own_size * communicator().rank()) {}

}  // namespace quench::quant
