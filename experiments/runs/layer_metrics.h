#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "experiments/runs/epoch_metrics.h"
#include "layers/module.h"

namespace quench::train {

/// The signs (-1, 0, +1) of the codes of every weight with at most three, that is of 1-bit and
/// ternary ones, by layer: u8 tensors of four weights a byte.
using WeightSigns = std::map<std::string, Tensor>;

/// Of a network whose weights' grids are up to date, as after an evaluation.
WeightSigns weight_signs(Module& network);

/// The values of every quantizer, in the network's order: its own metrics, its trained parameters,
/// "scale", that of its grid (means where there are several), and for a weight in both `before` and
/// `now` "sign_flips", the share of the weights, 0 to 1, whose sign is another.
LayerMetrics layer_metrics(Module& network, const WeightSigns& before, const WeightSigns& now);

/// Fills the columns of `row` that are for what quantizers report (MetricsColumn::of_quantizers); of
/// several that report a value the last in the network's order counts.
/// @return the names of the columns that a quantizer reports
std::vector<std::string_view> add_quantizer_columns(Module& network, MetricsRow& row);

}  // namespace quench::train
