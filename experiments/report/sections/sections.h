#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "experiments/report/plots/plot_sheet.h"
#include "experiments/report/report.h"

// The parts of a page, each as HTML. A part that has nothing to tell is empty.
namespace quench::train::report {

using Runs = std::span<const RunReport>;

/// Which run is best and by how much, a table of all, and what is missing.
std::string headline_section(Runs runs);
/// Whether two runs that have an epoch differ in the seed alone.
bool has_seeds(Runs runs);
/// Means of such runs; nothing if each stands alone.
std::string seeds_section(Runs runs);
/// Loss, accuracy and learning rate of all runs over the epochs.
std::string curves_section(Runs runs, PlotSheet& plots);
/// What the quantizers of each run did: alpha, scales, thresholds, sign flips.
std::string quantizer_section(Runs runs, PlotSheet& plots);
/// Names of the layers of all runs, in the order of the first run that has each.
std::vector<std::string> layer_names(Runs runs);
/// Layer by layer: shapes, bits, noise, saturation.
std::string layers_section(Runs runs, PlotSheet& plots);
/// Weights and activations of each layer, with their grids.
std::string histograms_section(Runs runs, PlotSheet& plots);
/// Weights and multiply-accumulates by their bits.
std::string sizes_section(Runs runs);
/// Which classes were taken for which, and some of the images.
std::string mistakes_section(Runs runs);
/// In what the configs differ, and each as a whole.
std::string config_section(Runs runs);
/// Machines, versions, and the commands that make the runs again.
std::string machine_section(Runs runs);

/// A run's name, or another one, beside a square of its colour.
std::string run_label(const RunReport& run);
std::string run_label(const RunReport& run, const std::string& name);
/// The colour, below kDepthColors, of one in a row of so many layers or classes.
int depth_color(std::size_t place, std::size_t count);
/// The runs' names beside their colours, for plots that show several; of runs that differ in the seed
/// alone the variant, once. Nothing for a single run.
/// @param shown  whether a run is in the plots
std::string legend(Runs runs, bool (*shown)(const RunReport&));
/// <section> with a heading, or nothing around nothing.
std::string section(const std::string& id, const std::string& title, const std::string& html);

}  // namespace quench::train::report
