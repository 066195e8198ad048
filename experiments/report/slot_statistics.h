#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "ptq/sqnr.h"
#include "quant/quantizer.h"

namespace quench::experiments::report {

/// Counts in bins of equal width over [low, high); values outside count in the first or last bin.
struct Histogram {
  double low = 0.0;
  double high = 1.0;
  std::vector<std::int64_t> counts;

  double width() const { return (high - low) / static_cast<double>(counts.size()); }
  void add(double value);
};

/// A histogram whose range covers `values`, except for a thousandth of them at each end, and all of
/// `levels`. Never empty. @throws std::invalid_argument  for no values
Histogram make_histogram(std::vector<float> values, std::span<const double> levels,
                         std::size_t bins);

/// Statistics of the values that pass through one slot.
struct SlotSummary {
  std::string method;  ///< the quantizer's; empty: the slot is empty
  int bits = 0;
  bool per_channel = false;
  /// Values are counted in steps of their channel's scale, like codes, because the channels have
  /// different grids.
  bool in_steps = false;
  std::int64_t count = 0;
  std::int64_t real_zeros = 0;  ///< exactly 0 before quantization; not in the histogram
  std::int64_t zeros = 0;       ///< values that quantization maps to 0
  std::int64_t saturated = 0;   ///< beyond an outermost level by more than half the last step
  std::int64_t levels_used = 0;
  Histogram histogram;
  std::vector<double> levels;                    ///< the grid, in the histogram's units
  std::optional<std::pair<float, float>> scale;  ///< smallest and largest over the channels
  std::optional<double> sqnr;                    ///< dB, of these values; none in an empty slot

  bool quantizes() const { return !method.empty(); }
  /// Percent of all values; empty without values. Not reported for two-level grids.
  std::optional<double> zero_percent() const;
  std::optional<double> saturated_percent() const;
};

/// Collects a SlotSummary tensor by tensor. NaN and infinities are skipped.
class SlotStatistics {
 public:
  /// Adds values of one slot. The first tensor determines the histogram's range.
  void add(quant::Quantizer& quantizer, const Tensor& values);
  SlotSummary summary() const;

 private:
  void begin(const quant::Quantizer& quantizer, const quant::QuantGrid* grid, const Tensor& values);
  void add_unquantized(const Tensor& values);
  void add_quantized(const Tensor& values, const Tensor& codes, const quant::QuantGrid& grid);

  SlotSummary summary_;
  std::vector<bool> used_;  // one per level
  ptq::SignalToNoise noise_;
};

}  // namespace quench::experiments::report
