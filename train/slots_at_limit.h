#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "layers/module.h"

namespace quench::train {

/// A step of a training, by its epoch; both from 1.
struct TrainingStep {
  std::int64_t epoch = 0;
  std::int64_t step = 0;
  auto operator<=>(const TrainingStep&) const = default;
};

/// The slots ("conv1.weight") with trained values at a limit (quant::Limited), each with the first of the
/// latest steps that all left it so.
using SlotsAtLimit = std::map<std::string, TrainingStep>;

/// The slots after the step `now`, from those after the step before.
void update_slots_at_limit(layers::Module& network, TrainingStep now, SlotsAtLimit& slots);

/// Warnings for a person, a line for each method and limit of the network's slots; none if all train
/// freely:
///
///   lsq: scale at its floor in 3 slots since epoch 1, step 14: conv1.weight, conv2.weight, fc.weight: ...
///
/// @param since   as far as it is known
/// @param but_not  slots to leave out
std::vector<std::string> limit_warnings(layers::Module& network, const SlotsAtLimit& since,
                                        const SlotsAtLimit& but_not = {});

}  // namespace quench::train
