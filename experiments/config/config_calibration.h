#pragma once

#include <cstdint>

#include "ptq/calibrate.h"
#include "support/settings.h"

namespace quench::train {

/// Reads and checks the table `calibration` of an experiment; without one, all defaults.
/// @param batch_size  without a key of its own
/// @throws std::invalid_argument  for unknown keys or methods, wrong types and values out of range
CalibrationOptions read_calibration(const Settings& experiment, std::int64_t batch_size);

}  // namespace quench::train
