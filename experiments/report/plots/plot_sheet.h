#pragma once

#include <string>
#include <vector>

#include "experiments/report/plots/plot.h"

namespace quench::experiments::report {

/// The plots of a page, drawn all at once when its text is complete.
class PlotSheet {
 public:
  /// A figure with `plot`, or nothing if it has no finite point: HTML with a mark in place of the
  /// drawing.
  /// @param caption  HTML
  std::string figure(Plot plot, const std::string& caption);
  /// `html` with the drawings in place of their marks. @throws std::runtime_error  as draw()
  std::string fill(const std::string& html) const;

 private:
  std::vector<Plot> plots_;
};

}  // namespace quench::experiments::report
