#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "ptq/sqnr.h"
#include "quant/quantizer.h"

namespace quench::train::report {

/// Counts in bins of equal width over [low, high); what lies outside is in the first and the last.
struct Histogram {
  double low = 0.0;
  double high = 1.0;
  std::vector<std::int64_t> counts;

  double width() const { return (high - low) / static_cast<double>(counts.size()); }
  void add(double value);
};

/// A range for a histogram of `values`: all but a thousandth of them at each end, and both ends of
/// `levels`, if there are any. Never empty. @throws std::invalid_argument  for no values
Histogram make_histogram(std::vector<float> values, std::span<const double> levels,
                         std::size_t bins);

/// Of values on their way through one slot.
struct SlotSummary {
  std::string method;  ///< of the quantizer; empty: the slot is empty
  int bits = 0;
  bool per_channel = false;
  /// Values are counted in steps of their channel's scale, as codes are, since the channels have no
  /// grid in common.
  bool in_steps = false;
  std::int64_t count = 0;
  std::int64_t real_zeros = 0;  ///< exactly 0 before quantization; not in the histogram
  std::int64_t zeros = 0;       ///< that quantization takes to 0
  std::int64_t saturated = 0;   ///< beyond an outermost level by more than half the last step
  std::int64_t levels_used = 0;
  Histogram histogram;
  std::vector<double> levels;                    ///< the grid in the histogram's units
  std::optional<std::pair<float, float>> scale;  ///< smallest and largest of the channels
  std::optional<double> sqnr;  ///< dB, of these very values; none in an empty slot

  bool quantizes() const { return !method.empty(); }
  /// Percent of all values; none where there are none, or a grid of two levels makes it no question.
  std::optional<double> zero_percent() const;
  std::optional<double> saturated_percent() const;
};

/// Gathers a SlotSummary, tensor by tensor. NaN and infinities are passed over.
class SlotStatistics {
 public:
  /// What one slot gets. The first tensor decides the range of the histogram.
  void add(quant::Quantizer& quantizer, const Tensor& values);
  SlotSummary summary() const;

 private:
  void begin(const quant::Quantizer& quantizer, const quant::QuantGrid* grid, const Tensor& values);
  void add_unquantized(const Tensor& values);
  void add_quantized(const Tensor& values, const Tensor& codes, const quant::QuantGrid& grid);

  SlotSummary summary_;
  std::vector<bool> used_;  // of the levels
  SignalToNoise noise_;
};

}  // namespace quench::train::report
