#pragma once

#include <cstdint>
#include <string>

#include "train/metrics.h"

namespace quench::train {

/// An epoch as a terminal shows it: "epoch   1/8  loss 1.8218  top1 %: train 32.46 ...".
/// @param quantized  whether the network is, so that there are two accuracies
/// @param has_alpha  whether a quantizer blends
std::string epoch_line(const MetricsRow& row, std::int64_t epochs, bool quantized, bool has_alpha);

}  // namespace quench::train
