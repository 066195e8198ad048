#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "core/parallel.h"
#include "ptq/thresholds.h"

namespace quench::ptq {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

double x_log_x(double x) { return x > 0.0 ? x * std::log(x) : 0.0; }

/// Prefix sums over bins, so that the cost of a candidate is its number of groups.
struct Prefix {
  std::vector<double> count{0.0}, non_empty{0.0}, count_log{0.0};

  explicit Prefix(std::span<const double> counts) {
    for (const double c : counts) {
      count.push_back(count.back() + c);
      non_empty.push_back(non_empty.back() + (c > 0.0 ? 1.0 : 0.0));
      count_log.push_back(count_log.back() + x_log_x(c));
    }
  }
};

/// sum P ln(P / Q), normalized, of the first `size` bins. In counts, with N = sum P, C = sum Q and
/// Q = average of its group: (sum p ln p - sum_groups p_group ln average) / N + ln(C / N).
double kl_divergence(const Prefix& prefix, std::size_t size, std::size_t levels) {
  const double total = prefix.count.back(), clipped = prefix.count[size];
  const double outliers = total - clipped, last = clipped - prefix.count[size - 1];
  if (clipped == 0.0 || (outliers > 0.0 && last == 0.0)) return kInfinity;
  double sum = prefix.count_log[size - 1] + x_log_x(last + outliers);
  std::size_t begin = 0;
  for (std::size_t group = 1; group <= levels; ++group) {
    const std::size_t end = group * size / levels;
    const double count = prefix.count[end] - prefix.count[begin];
    const double bins = prefix.non_empty[end] - prefix.non_empty[begin];
    begin = end;
    if (count == 0.0) continue;
    sum -= (group == levels ? count + outliers : count) * std::log(count / bins);
  }
  return std::max(0.0, sum / total + std::log(clipped / total));  // >= 0 except for rounding
}

/// sum over cdf > 0 of (cdf - q) * log2(cdf / q), q through `levels` points of p over `size` bins.
double kl_j_divergence(std::span<const double> cdf, std::size_t size, std::size_t levels) {
  // All values are beyond: the sum would skip every bin that differs and seem best.
  if (cdf[size - 1] <= 0.0) return kInfinity;
  const auto p = [&](std::size_t i) { return i + 1 >= size ? 1.0 : cdf[i]; };
  const auto last = static_cast<double>(size - 1), last_level = static_cast<double>(levels - 1);
  std::vector<double> points(levels, p(0));
  for (std::size_t k = 1; k < levels; ++k) {
    const double at = static_cast<double>(k) * last / last_level;
    const std::size_t left = std::min(static_cast<std::size_t>(at), size - 2);
    points[k] = p(left) + (at - static_cast<double>(left)) * (p(left + 1) - p(left));
  }
  double sum = 0.0;
  for (std::size_t i = 0; i < cdf.size(); ++i) {
    if (cdf[i] <= 0.0) continue;
    double q = i < size ? points.back() : 1.0;
    if (i < size && levels > 1) {
      const double at = static_cast<double>(i) * last_level / last;
      const std::size_t left = std::min(static_cast<std::size_t>(at), levels - 2);
      q = points[left] + (at - static_cast<double>(left)) * (points[left + 1] - points[left]);
    }
    if (q <= 0.0) return kInfinity;
    if (q != cdf[i]) sum += (cdf[i] - q) * std::log2(cdf[i] / q);
  }
  return sum;
}

/// Candidates with first..bins bins, each at the middle of the next bin.
/// @param tie  divergences that exceed the least one by at most this count as equal to it
template <typename Divergence>
ThresholdSearch search_bins(std::size_t first, std::size_t bins, double width, double tie,
                            EqualThresholds equals, Divergence divergence) {
  ThresholdSearch search{.threshold = static_cast<double>(bins) * width};
  if (first > bins) return search;
  const std::size_t count = bins - first + 1;
  search.objective.resize(count);
  parallel_for(static_cast<std::int64_t>(count), 64, [&](std::int64_t begin, std::int64_t end) {
    for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i) {
      search.objective[i] = divergence(first + i);
    }
  });
  for (std::size_t i = 0; i < count; ++i) {
    search.candidate.push_back((static_cast<double>(first + i) + 0.5) * width);
  }
  const double lowest = *std::ranges::min_element(search.objective);
  if (lowest == kInfinity) return search;
  for (std::size_t i = 0; i < count; ++i) {
    if (search.objective[i] > lowest + tie) continue;
    search.best = i;
    if (equals == EqualThresholds::smallest) break;
  }
  search.threshold = search.candidate[search.best];
  return search;
}

}  // namespace

ThresholdSearch kl_threshold(std::span<const double> counts, double width, int levels,
                             EqualThresholds equals) {
  const auto groups = static_cast<std::size_t>(levels);
  const Prefix prefix(counts);
  // Prefix sums cause rounding errors where the definition gives equal divergences, often 0.
  constexpr double kTie = 1e-12;
  return search_bins(groups, counts.size(), width, kTie, equals,
                     [&](std::size_t size) { return kl_divergence(prefix, size, groups); });
}

ThresholdSearch kl_j_threshold(std::span<const double> counts, double width, int levels) {
  std::vector<double> cdf;
  double cumulative = 0.0;
  for (const double count : counts) cdf.push_back(cumulative += count);
  for (double& value : cdf) value /= cumulative;
  const auto points = static_cast<std::size_t>(levels);
  return search_bins(points + 1, counts.size(), width, 0.0, EqualThresholds::smallest,
                     [&](std::size_t size) { return kl_j_divergence(cdf, size, points); });
}

}  // namespace quench::ptq
