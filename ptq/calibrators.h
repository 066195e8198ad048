#pragma once

#include <memory>

#include "ptq/calibrator.h"

namespace quench::quant {

// The methods that make_calibrator() chooses from, for its table alone.

/// Global extrema.
std::unique_ptr<Calibrator> make_minmax(const CalibratorOptions& options);
/// Exponential average of each batch's extrema; the first batch starts it, batches of zeros are
/// skipped.
std::unique_ptr<Calibrator> make_moving_average(const CalibratorOptions& options);
std::unique_ptr<Calibrator> make_three_sd(const CalibratorOptions& options);

// ptq/thresholds.h, on a histogram or on all values.
std::unique_ptr<Calibrator> make_percentile(const CalibratorOptions& options);
std::unique_ptr<Calibrator> make_mse(const CalibratorOptions& options);
std::unique_ptr<Calibrator> make_kl(const CalibratorOptions& options);
std::unique_ptr<Calibrator> make_kl_j(const CalibratorOptions& options);

/// A threshold t for |x| as a range: the side of `reach` that is further from 0 becomes t, the
/// other is clipped to t.
ValueRange clipped_range(const Extent& reach, double threshold);

}  // namespace quench::quant
