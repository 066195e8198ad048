#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace quench::experiments::report {

/// How a series is drawn.
enum class SeriesForm : std::uint8_t {
  line,
  dashed,
  area,   ///< steps, filled down to 0: a histogram of left bin edges
  marks,  ///< thin vertical lines from the bottom to the y of each point
  points,
};

/// The meaning of a series' colour; style.cpp defines the colours: of a run, of a position between
/// the first and the last layer, or of a quantization grid.
struct SeriesColor {
  enum class Kind : std::uint8_t { run, depth, level } kind = Kind::run;
  int index = 0;  ///< below kRunColors, or kDepthColors
};
inline constexpr int kRunColors = 8;
inline constexpr int kDepthColors = 9;

struct Series {
  std::string title;  ///< in tooltips and, unless it is empty, in the plot's legend
  /// x, y. A line has a gap at points that are not finite, or not above 0 on a logarithmic axis.
  std::vector<std::pair<double, double>> points;
  SeriesForm form = SeriesForm::line;
  SeriesColor color = {};
  bool right_axis = false;
};

/// The content of a diagram, independent of how it is drawn.
struct Plot {
  std::string description;  ///< one sentence, for readers who cannot see it
  std::string x_label;      ///< with the unit
  std::string y_label;
  std::string right_label = {};  ///< of the right axis, from 0 to 1, if a series uses it
  std::vector<Series> series;
  int width = 520;  ///< pixels
  int height = 300;
  bool log_y = false;
  bool legend = true;
  bool whole_x = false;                   ///< x is a count: ticks only at whole numbers
  std::vector<std::string> x_names = {};  ///< names for x = 0, 1, ..., in place of numbers
};

}  // namespace quench::experiments::report
