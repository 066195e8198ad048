#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "experiments/report/plots/svg.h"
#include "experiments/report/report.h"

// The sections of a page as HTML. A section without content is empty.
namespace quench::experiments::report {

using Runs = std::span<const RunReport>;

/// The best run and its lead, a table of all runs, and missing parts.
std::string headline_section(Runs runs);
/// Whether two runs with at least one epoch differ only in the seed.
bool has_seeds(Runs runs);
/// Means over such runs; empty without them.
std::string seeds_section(Runs runs);
/// Loss, accuracy and learning rate of all runs over the epochs.
std::string curves_section(Runs runs);
/// The quantizers of each run during training: alpha, scales, thresholds, sign flips.
std::string quantizer_section(Runs runs);
/// Names of the layers of all runs, in the order of the first run with each layer.
std::vector<std::string> layer_names(Runs runs);
/// Layer by layer: shapes, bits, noise, saturation.
std::string layers_section(Runs runs);
/// Weights and activations of each layer, with their grids.
std::string histograms_section(Runs runs);
/// Costs and accuracies of the networks that `quench search` found.
std::string bit_search_section(Runs runs);
/// Weights and multiply-accumulates by their bits.
std::string sizes_section(Runs runs);
/// Confused classes, and some of the images.
std::string mistakes_section(Runs runs);
/// The differences between the configs, and each full config.
std::string config_section(Runs runs);
/// Machines, versions, and commands that repeat the runs.
std::string machine_section(Runs runs);

/// A run's name next to a square in its colour.
std::string run_label(const RunReport& run);
std::string run_label(const RunReport& run, const std::string& name);
/// The colour, below kDepthColors, for an item in a row of `count` layers or classes.
int depth_color(std::size_t position, std::size_t count);
/// The runs' names with their colours, for plots of several runs; runs that differ only in the seed
/// appear once, as their variant. Empty for a single run.
/// @param shown  whether a run is in the plots
std::string legend(Runs runs, bool (*shown)(const RunReport&));
/// A <section> with a heading; empty if `html` is empty.
std::string section(const std::string& id, const std::string& title, const std::string& html);

}  // namespace quench::experiments::report
