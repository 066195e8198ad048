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
};

/// Which colour a series has on the page (page.cpp): of a run, of a place between the first and
/// the last layer, or of a quantization grid.
struct SeriesColor {
  enum class Kind : std::uint8_t { run, depth, level } kind = Kind::run;
  int index = 0;  ///< below kRunColors, or kDepthColors
};
inline constexpr int kRunColors = 8;
inline constexpr int kDepthColors = 9;

struct Series {
  std::string title;                              ///< in the legend; empty: not there
  std::vector<std::pair<double, double>> points;  ///< x, y; those that are not finite are left out
  SeriesForm form = SeriesForm::line;
  SeriesColor color = {};
  bool right_axis = false;
};

/// A diagram, without saying what draws it.
struct Plot {
  std::string description;  ///< one sentence, for those who cannot see it
  std::string x_label;      ///< with the unit
  std::string y_label;
  std::string right_label = {};  ///< of the axis to the right, from 0 to 1, if a series wants one
  std::vector<Series> series;
  int width = 520;  ///< pixels
  int height = 300;
  bool log_y = false;
  bool legend = true;
  bool whole_x = false;                   ///< x counts something: no ticks between whole numbers
  std::vector<std::string> x_names = {};  ///< names for x = 0, 1, ..., in place of numbers

  /// Whether there is a finite point.
  bool drawable() const;
};

/// The commands that make gnuplot draw it as SVG into `output`. Texts of users are quoted so that
/// gnuplot takes them as they are. @throws std::invalid_argument  unless drawable()
std::string gnuplot_script(const Plot& plot, const std::string& output);

}  // namespace quench::experiments::report
