#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "quant/quantizer.h"
#include "quant/statistics/value_range.h"
#include "support/settings.h"

namespace quench::quant {

/// How to choose the range of a tensor from what it held, without training.
struct CalibratorOptions {
  std::string method = "minmax";  ///< one of registered_calibrators()
  int bits = 8;                   ///< 1 to 8: of the grid to be; "mse", "kl", "kl_j" ask for it
  double percentile = 99.99;      ///< of |x|, in (0, 100]: "percentile"
  double momentum = 0.9;          ///< in [0, 1]: "moving_average"
  int bins = 2048;                ///< of histograms of |x|, 1 to 65536
  /// Whether all values are kept, for exact results ("percentile", "mse", "kl_j"), rather than a
  /// histogram of them. For weights, which calibrate_weight() does; activations do not fit.
  bool keep_values = false;
  std::string slot = "calibrator";  ///< for messages: "features.conv2.input"
};

/// Reads method, percentile, momentum and bins from `settings`; what it does not hold is as in
/// `defaults`. @throws std::invalid_argument  for an unknown method or a value out of range
CalibratorOptions read_calibrator_options(const Settings& settings,
                                          const CalibratorOptions& defaults = {});

/// Gathers statistics of a tensor, batch by batch, and says which range a grid should cover. Ranks that
/// train together observe their parts of each batch and come to one range
/// (quant/statistics/batch_statistics.h).
class Calibrator {
 public:
  explicit Calibrator(std::string slot) : slot_(std::move(slot)) {}
  virtual ~Calibrator() = default;

  /// @throws std::invalid_argument  for no values, NaN or infinity; the message starts with the slot
  void observe(std::span<const float> x);
  bool observed() const { return observed_; }
  /// min <= 0 <= max; both 0 if nothing but zeros was observed, and min = 0 if nothing negative
  /// was. Of a method that chooses a threshold for |x|, the side that reaches further is the
  /// threshold, and the other is clipped to it.
  /// @throws std::invalid_argument  if nothing was observed
  ValueRange range() const;

 protected:
  /// @param reach  of this batch
  virtual void add(std::span<const float> x, const Extent& reach) = 0;
  virtual ValueRange choose() const = 0;
  /// Of all batches.
  const Extent& reach() const { return reach_; }

 private:
  std::string slot_;
  bool observed_ = false;
  Extent reach_;
};

/// @throws std::invalid_argument  for an unknown method (the message lists the known ones) or an
///                                option out of range
std::unique_ptr<Calibrator> make_calibrator(const CalibratorOptions& options);

/// The range of a weight, or of each slice along axis 0, from all its values.
/// @throws std::invalid_argument  as make_calibrator() and Calibrator::observe()
std::vector<ValueRange> calibrate_weight(const Tensor& weight, bool per_channel,
                                         CalibratorOptions options);

/// A method as lists and messages name it.
struct CalibratorInfo {
  std::string name;
  std::string summary;
  std::string paper;  ///< or where it comes from; empty: common
};
std::vector<CalibratorInfo> registered_calibrators();

}  // namespace quench::quant
