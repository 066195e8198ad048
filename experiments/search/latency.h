#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "experiments/experiment.h"
#include "experiments/search/search_space.h"

namespace quench::experiments {

/// Milliseconds of one image, by layer and bits, and of operations that no bits are said of.
///
/// As CSV: a line "layer,bits,milliseconds", then a row each. A row without bits, "pool,,0.02", is of
/// something that no option changes. Empty lines and lines that begin with # are left out.
struct LatencyTable {
  std::map<std::pair<std::string, int>, double> layers;
  std::map<std::string, double> fixed;
};

std::string latency_csv(const LatencyTable& table);
/// @param name  of the file, for messages
/// @throws std::invalid_argument  naming file and line: for another header, a row that is not as above, a
///                                number that is not finite or < 0, bits out of 1..8, a row given twice
LatencyTable parse_latency_csv(std::string_view text, const std::string& name);

/// Takes a table over into a space. A fixed layer's row at its own bits counts; rows of other bits, or of
/// options that are not searched, do not.
/// @throws std::invalid_argument  for a row with bits of a layer that does not exist, or options without
///                                a row, naming all of them
void set_latency(SearchSpace& space, const LatencyTable& table, const std::string& name);

/// Measures on this machine: for each option the network with it in all layers is calibrated on one batch
/// and frozen, and the engine's operations are timed on one image, the options in turns; medians.
/// @throws std::invalid_argument  for a network that deploy::freeze() refuses
LatencyTable measure_latency(const ExperimentConfig& config, const SearchSpace& space,
                             const Data& data);

}  // namespace quench::experiments
