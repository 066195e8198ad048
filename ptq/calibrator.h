#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "quant/quantizer.h"
#include "quant/statistics/value_range.h"
#include "support/settings.h"

namespace quench::ptq {

/// How to choose the range of a tensor from observed values, without training.
struct CalibratorOptions {
  std::string method = "minmax";  ///< one of registered_calibrators()
  int bits = 8;                   ///< 1 to 8: bits of the target grid; used by "mse", "kl", "kl_j"
  double percentile = 99.99;      ///< of |x|, in (0, 100]: "percentile"
  double momentum = 0.9;          ///< in [0, 1]: "moving_average"
  int bins = 2048;                ///< bins of the histograms of |x|, 1 to 65536
  /// Whether to keep all values, for exact results ("percentile", "mse", "kl_j"), instead of a
  /// histogram. calibrate_weight() sets this; activations would not fit into memory.
  bool keep_values = false;
  std::string slot = "calibrator";  ///< for messages: "features.conv2.input"
};

/// Reads method, percentile, momentum and bins from `settings`; missing keys come from `defaults`.
/// @throws std::invalid_argument  for an unknown method or a value out of range
CalibratorOptions read_calibrator_options(const Settings& settings,
                                          const CalibratorOptions& defaults = {});

/// Collects statistics of a tensor, batch by batch, and chooses the range that a grid should cover.
/// Ranks that train together observe their parts of each batch and get the same range
/// (quant/statistics/batch_statistics.h).
class Calibrator {
 public:
  explicit Calibrator(std::string slot) : slot_(std::move(slot)) {}
  virtual ~Calibrator() = default;

  /// @throws std::invalid_argument  for no values, NaN or infinity; the message starts with the slot
  void observe(std::span<const float> x);
  bool observed() const { return observed_; }
  /// min <= 0 <= max; both are 0 if only zeros were observed, and min = 0 if no negative value was.
  /// If the method chooses a threshold for |x|, the larger side becomes the threshold, and the
  /// other side is clipped to it.
  /// @throws std::invalid_argument  if nothing was observed
  quant::ValueRange range() const;

 protected:
  /// @param reach  extent of this batch
  virtual void add(std::span<const float> x, const quant::Extent& reach) = 0;
  virtual quant::ValueRange choose() const = 0;
  /// The extent of all batches.
  const quant::Extent& reach() const { return reach_; }

 private:
  std::string slot_;
  bool observed_ = false;
  quant::Extent reach_;
};

/// @throws std::invalid_argument  for an unknown method (the message lists the known ones) or an
///                                option out of range
std::unique_ptr<Calibrator> make_calibrator(const CalibratorOptions& options);

/// The range of a weight, or of each slice along axis 0, from all values.
/// @throws std::invalid_argument  as make_calibrator() and Calibrator::observe()
std::vector<quant::ValueRange> calibrate_weight(const Tensor& weight, bool per_channel,
                                                CalibratorOptions options);

/// A calibration method, for lists and messages.
struct CalibratorInfo {
  std::string name;
  std::string summary;
  std::string paper;  ///< or another source; empty: common practice
};
std::vector<CalibratorInfo> registered_calibrators();

}  // namespace quench::ptq
