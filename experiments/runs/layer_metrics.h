#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "experiments/runs/epoch_metrics.h"
#include "layers/module.h"
#include "train/slots_at_limit.h"

namespace quench::experiments {

/// The signs (-1, 0, +1) of the codes of every weight with at most three codes (1-bit and ternary
/// ones), by layer: u8 tensors with four weights per byte.
using WeightSigns = std::map<std::string, Tensor>;

/// The weight grids of `network` must be up to date, as after an evaluation.
WeightSigns weight_signs(layers::Module& network);

/// The values of every quantizer, in the network's order: its own metrics; its trained parameters;
/// "scale", its grid's scale (the mean if there are several); and for a weight in both `before` and
/// `now`, "sign_flips", the share (0 to 1) of weights whose sign changed. A slot of `at_limit`
/// has kAtLimitEpoch and kAtLimitStep, since when.
LayerMetrics layer_metrics(layers::Module& network, const WeightSigns& before,
                           const WeightSigns& now, const train::SlotsAtLimit& at_limit);

inline constexpr const char* kAtLimitEpoch = "at_limit_epoch";
inline constexpr const char* kAtLimitStep = "at_limit_step";

/// Fills the columns of `row` that quantizers report (MetricsColumn::of_quantizers). If several
/// report a value, the last in the network's order counts.
/// @return the names of the columns that a quantizer reports
std::vector<std::string_view> add_quantizer_columns(layers::Module& network, MetricsRow& row);

}  // namespace quench::experiments
