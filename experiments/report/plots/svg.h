#pragma once

#include <string>

#include "experiments/report/plots/plot.h"

namespace quench::experiments::report {

/// Whether a series has a point to draw.
bool drawable(const Plot& plot);

/// The diagram as an SVG element without its legend. Colours are the page's CSS variables, text is
/// in the page's font and colour, and the same plot gives the same bytes.
/// @throws std::invalid_argument  unless drawable()
std::string draw_svg(const Plot& plot);

/// A <figure> with a caption, the legend below it, and the diagram; empty unless drawable().
/// @param caption  HTML
std::string plot_figure(const Plot& plot, const std::string& caption);

}  // namespace quench::experiments::report
