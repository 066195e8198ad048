#pragma once

#include <string>
#include <vector>

#include "experiments/report/plots/plot.h"

namespace quench::experiments::report {

/// @throws std::runtime_error  if there is no gnuplot, naming the package that has it
void require_plots();

/// The plots as SVG elements for a page, in their order, by one gnuplot process.
/// @throws std::runtime_error  if there is no gnuplot, or if it fails, with what it said
std::vector<std::string> draw(const std::vector<Plot>& plots);

}  // namespace quench::experiments::report
