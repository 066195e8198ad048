#include "experiments/report/slot_statistics.h"

#include <algorithm>
#include <cmath>

#include "support/error.h"

namespace quench::experiments::report {
namespace {

constexpr std::size_t kBins = 61;
constexpr std::int64_t kSampled = 20'000;  // values of the first tensor used to choose the range

/// The used codes minus the zero point of channel `channel`, ascending.
std::vector<double> centered_levels(const quant::QuantGrid& grid, std::size_t channel = 0) {
  std::vector<double> levels;
  const double zero = grid.zero_point[channel];
  if (grid.levels.empty()) {
    for (int q = grid.qmin; q <= grid.qmax; ++q) levels.push_back(q - zero);
  } else {
    for (const int q : grid.levels) levels.push_back(q - zero);
  }
  return levels;
}

/// The outermost levels of a channel and their distances to the next ones.
struct Ends {
  double low = 0.0, high = 0.0, low_step = 1.0, high_step = 1.0;
};

Ends ends_of(const quant::QuantGrid& grid, std::size_t channel) {
  const auto levels = centered_levels(grid, channel);
  Ends ends{.low = levels.front(), .high = levels.back()};
  if (levels.size() > 1) {
    ends.low_step = levels[1] - levels[0];
    ends.high_step = levels.back() - levels[levels.size() - 2];
  }
  return ends;
}

bool in_steps(const quant::QuantGrid* grid) { return grid != nullptr && grid->scale.size() > 1; }

/// The channel of each value: channels are equal consecutive slices of memory.
struct Channels {
  std::int64_t slice;
  std::size_t of(std::int64_t i) const { return static_cast<std::size_t>(i / slice); }
};

Channels channels_of(const Tensor& values, const quant::QuantGrid& grid) {
  const auto count = static_cast<std::int64_t>(grid.scale.size());
  return {std::max<std::int64_t>(1, values.numel() / count)};
}

std::optional<double> percent(std::int64_t part, std::int64_t whole) {
  if (whole == 0) return std::nullopt;
  return 100.0 * static_cast<double>(part) / static_cast<double>(whole);
}

/// A sample of the nonzero values, in the histogram's units.
std::vector<float> sample(const Tensor& values, const quant::QuantGrid* grid) {
  std::vector<float> result;
  const std::int64_t stride = std::max<std::int64_t>(1, values.numel() / kSampled);
  for (std::int64_t i = 0; i < values.numel(); i += stride) {
    float value = values.data()[i];
    if (value == 0.0f || !std::isfinite(value)) continue;
    if (in_steps(grid)) value /= grid->scale[channels_of(values, *grid).of(i)];
    result.push_back(value);
  }
  if (result.empty()) result.push_back(0.0f);
  return result;
}

}  // namespace

void Histogram::add(double value) {
  const auto bins = static_cast<double>(counts.size());
  const double position = std::floor((value - low) / (high - low) * bins);
  ++counts[static_cast<std::size_t>(std::clamp(position, 0.0, bins - 1.0))];
}

Histogram make_histogram(std::vector<float> values, std::span<const double> levels,
                         std::size_t bins) {
  require(!values.empty() && bins > 0, "histogram: expected values and bins, got {} and {}",
          values.size(), bins);
  std::ranges::sort(values);
  const std::size_t cut = values.size() / 1000;
  double low = values[cut], high = values[values.size() - 1 - cut];
  if (!levels.empty()) {
    low = std::min(low, levels.front());
    high = std::max(high, levels.back());
  }
  // A margin next to the outermost level, and some width if all values are equal.
  const double margin = high > low ? 0.02 * (high - low) : std::max(std::abs(low), 1.0) * 0.1;
  return {low - margin, high + margin, std::vector<std::int64_t>(bins, 0)};
}

std::optional<double> SlotSummary::zero_percent() const {
  if (levels.size() == 2) return std::nullopt;
  return percent(zeros, count);
}

std::optional<double> SlotSummary::saturated_percent() const {
  if (levels.size() == 2 || !quantizes()) return std::nullopt;
  return percent(saturated, count);
}

void SlotStatistics::add(quant::Quantizer& quantizer, const Tensor& values) {
  const quant::Mode mode = quantizer.mode();
  quantizer.set_mode(quant::Mode::evaluation);
  const auto codes = quantizer.codes(values);
  quantizer.set_mode(mode);
  if (summary_.histogram.counts.empty()) begin(quantizer, codes ? &codes->grid : nullptr, values);
  if (!codes) return add_unquantized(values);
  noise_.add(values.span(), dequantize(codes->values, codes->grid).span());
  add_quantized(values, codes->values, codes->grid);
}

void SlotStatistics::begin(const quant::Quantizer& quantizer, const quant::QuantGrid* grid,
                           const Tensor& values) {
  if (grid != nullptr) {
    summary_.method = quantizer.method();
    summary_.bits = quantizer.bits();
    summary_.per_channel = quantizer.granularity() == quant::Granularity::per_channel;
    summary_.in_steps = in_steps(grid);
    summary_.levels = centered_levels(*grid);
    used_.assign(summary_.levels.size(), false);
    if (!summary_.in_steps) {
      for (double& level : summary_.levels)
        level = level * double{grid->scale[0]} + double{grid->offset};
    }
    const auto [least, most] = std::ranges::minmax(grid->scale);
    summary_.scale = {least, most};
  }
  summary_.histogram = make_histogram(sample(values, grid), summary_.levels, kBins);
}

void SlotStatistics::add_unquantized(const Tensor& values) {
  for (const float value : values.span()) {
    if (!std::isfinite(value)) continue;
    ++summary_.count;
    if (value == 0.0f) {
      ++summary_.real_zeros;
      ++summary_.zeros;
    } else {
      summary_.histogram.add(double{value});
    }
  }
}

void SlotStatistics::add_quantized(const Tensor& values, const Tensor& codes,
                                   const quant::QuantGrid& grid) {
  const Channels channels = channels_of(values, grid);
  std::vector<Ends> ends;
  std::vector<std::vector<double>> levels;
  for (std::size_t channel = 0; channel < grid.scale.size(); ++channel) {
    ends.push_back(ends_of(grid, channel));
    levels.push_back(centered_levels(grid, channel));
  }
  for (std::int64_t i = 0; i < values.numel(); ++i) {
    const float value = values.data()[i];
    if (!std::isfinite(value)) continue;
    const std::size_t channel = channels.of(i);
    const double position = (double{value} - double{grid.offset}) / double{grid.scale[channel]};
    const double code = codes.data()[i];
    const Ends& end = ends[channel];
    ++summary_.count;
    summary_.zeros += code == 0.0 && grid.offset == 0.0f ? 1 : 0;
    const bool below = code == end.low && position < end.low - end.low_step / 2.0;
    const bool above = code == end.high && position > end.high + end.high_step / 2.0;
    summary_.saturated += below || above ? 1 : 0;
    const auto level = std::ranges::lower_bound(levels[channel], code) - levels[channel].begin();
    if (level < std::ssize(used_)) used_[static_cast<std::size_t>(level)] = true;
    if (value == 0.0f) {
      ++summary_.real_zeros;
    } else {
      summary_.histogram.add(summary_.in_steps ? position : double{value});
    }
  }
}

SlotSummary SlotStatistics::summary() const {
  SlotSummary result = summary_;
  result.levels_used = std::ranges::count(used_, true);
  if (result.quantizes()) result.sqnr = noise_.db();
  return result;
}

}  // namespace quench::experiments::report
