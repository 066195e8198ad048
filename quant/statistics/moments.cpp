#include "quant/statistics/moments.h"

#include <cmath>

#include "quant/statistics/ordered_sum.h"
#include "support/error.h"

namespace quench::quant {
namespace {

/// The mean of term(x - center) per channel, summed over fixed pieces in order.
template <typename Term>
std::vector<double> channel_means(const Tensor& x, const std::vector<double>& centers, Term term) {
  const Pieces pieces(x.numel(), static_cast<std::int64_t>(centers.size()));
  std::vector<double> parts(static_cast<std::size_t>(pieces.count()));
  pieces.for_each([&](std::int64_t piece) {
    const float* from = x.data() + pieces.begin(piece);
    const double center = centers[pieces.channel(piece)];
    parts[static_cast<std::size_t>(piece)] = lane_sum<double>(
        pieces.size(piece), [=](std::int64_t i) { return term(double{from[i]} - center); });
  });
  std::vector<double> means(centers.size(), 0.0);
  for (std::int64_t piece = 0; piece < pieces.count(); ++piece)
    means[pieces.channel(piece)] += parts[static_cast<std::size_t>(piece)];
  for (double& mean : means) mean /= static_cast<double>(pieces.slice);
  return means;
}

}  // namespace

std::vector<Moments> moments(const Tensor& x, bool per_channel, std::string_view who) {
  require(x.numel() > 0, "{}: expected at least one element, got shape {}", who,
          x.shape().to_string());
  const auto channels = per_channel && x.rank() > 0 ? static_cast<std::size_t>(x.dim(0)) : 1;
  const std::vector<double> means =
      channel_means(x, std::vector<double>(channels, 0.0), [](double v) { return v; });
  const std::vector<double> variances = channel_means(x, means, [](double v) { return v * v; });
  std::vector<Moments> result;
  for (std::size_t i = 0; i < channels; ++i) {
    require(std::isfinite(variances[i]),
            "{}: expected finite values, got NaN or infinity in shape {}", who,
            x.shape().to_string());
    result.push_back({means[i], std::sqrt(variances[i])});
  }
  return result;
}

}  // namespace quench::quant
