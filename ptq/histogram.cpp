#include "ptq/histogram.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>

#include "core/communicator.h"
#include "core/parallel.h"
#include "support/error.h"

namespace quench::ptq {
namespace {

constexpr float kSmallest = std::numeric_limits<float>::min();
constexpr int kLargestGrowth = 8;

/// Adds to `counts`. Divides before it multiplies, because bins / reach overflows for a tiny reach.
void count_into(std::span<const float> x, float reach, int bins, std::span<std::int64_t> counts) {
  constexpr std::size_t kPiece = 1024;
  std::array<std::int32_t, kPiece> bin;
  const auto per_reach = static_cast<float>(bins);
  const auto last = static_cast<std::int32_t>(counts.size()) - 1;
  for (std::size_t at = 0; at < x.size(); at += kPiece) {
    const std::size_t count = std::min(kPiece, x.size() - at);
    const float* from = x.data() + at;
    // A separate loop, because a loop that scatters is not vectorized.
    for (std::size_t i = 0; i < count; ++i) {
      const auto index = static_cast<std::int32_t>(std::abs(from[i]) / reach * per_reach);
      bin[i] = std::min(index, last);
    }
    for (std::size_t i = 0; i < count; ++i) ++counts[static_cast<std::size_t>(bin[i])];
  }
}

}  // namespace

MagnitudeHistogram::MagnitudeHistogram(int bins) : bins_(bins) {
  require(bins >= 1, "histogram: expected at least 1 bin, got {}", bins);
}

void MagnitudeHistogram::merge_pairs() {
  const std::size_t half = (counts_.size() + 1) / 2;
  for (std::size_t i = 0; i < half; ++i) {
    counts_[i] = counts_[2 * i] + (2 * i + 1 < counts_.size() ? counts_[2 * i + 1] : 0.0);
  }
  counts_.resize(std::max(half, static_cast<std::size_t>(bins_)));
  std::fill(counts_.begin() + static_cast<std::ptrdiff_t>(half), counts_.end(), 0.0);
  reach_ *= 2.0f;
}

void MagnitudeHistogram::cover(float max_abs) {
  if (reach_ == 0.0f) {
    reach_ = max_abs;
    counts_.resize(static_cast<std::size_t>(bins_), 0.0);
  }
  while (max_abs / reach_ > kLargestGrowth) merge_pairs();
  const auto needed = static_cast<std::size_t>(std::ceil(double{max_abs} / width()));
  if (needed > counts_.size()) counts_.resize(needed, 0.0);
}

void MagnitudeHistogram::add(std::span<const float> x, float max_abs) {
  if (max_abs >= kSmallest) cover(max_abs);
  if (reach_ == 0.0f) {
    counts_[0] += sum_over_ranks(static_cast<double>(x.size()));
    return;
  }
  // Integers, so that the result does not depend on the number of threads.
  const auto size = static_cast<std::int64_t>(x.size());
  const std::int64_t parts =
      std::clamp<std::int64_t>(size / (8 * kParallelGrain), 1, num_threads());
  std::vector<std::vector<std::int64_t>> counts(static_cast<std::size_t>(parts));
  for (auto& part : counts) part.resize(counts_.size(), 0);
  parallel_for(parts, 1, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t part = first; part < last; ++part) {
      const std::int64_t begin = size * part / parts, end = size * (part + 1) / parts;
      count_into(x.subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin)),
                 reach_, bins_, counts[static_cast<std::size_t>(part)]);
    }
  });
  std::vector<std::int64_t> batch(counts_.size(), 0);
  for (const auto& part : counts) {
    for (std::size_t i = 0; i < part.size(); ++i) batch[i] += part[i];
  }
  communicator().sum(batch);
  for (std::size_t i = 0; i < batch.size(); ++i) counts_[i] += static_cast<double>(batch[i]);
}

std::vector<double> resample_counts(std::span<const double> counts, std::size_t bins) {
  std::vector<double> cumulative{0.0};
  for (const double count : counts) cumulative.push_back(cumulative.back() + count);
  std::vector<double> result(bins);
  double below = 0.0;
  for (std::size_t i = 0; i < bins; ++i) {
    const double edge = static_cast<double>((i + 1) * counts.size()) / static_cast<double>(bins);
    const auto whole = std::min(static_cast<std::size_t>(edge), counts.size() - 1);
    const double upto = cumulative[whole] + (edge - static_cast<double>(whole)) * counts[whole];
    result[i] = upto - below;
    below = upto;
  }
  return result;
}

}  // namespace quench::ptq
