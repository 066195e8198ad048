#include "experiments/report/plots/plot.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "support/error.h"

namespace quench::experiments::report {
namespace {

/// In single quotes gnuplot substitutes neither `commands` nor @macros nor escapes; a quote is two.
std::string quoted(const std::string& text) {
  std::string result = "'";
  for (const char c : text) {
    const auto code = static_cast<unsigned char>(c);
    result += code < 0x20 || code == 0x7f ? ' ' : c;
    if (c == '\'') result += c;
  }
  return result + "'";
}

bool finite(const std::pair<double, double>& point) {
  return std::isfinite(point.first) && std::isfinite(point.second);
}

bool has_points(const Series& series, bool log_y) {
  return std::ranges::any_of(series.points, [&](const auto& point) {
    return finite(point) && (!log_y || point.second > 0.0);
  });
}

/// Placeholders that theme_svg() turns into the page's colours.
std::string color_of(const SeriesColor& color) {
  const char* kinds[] = {"02", "03", "04"};
  return fmt::format("rgb '#{}00{:02x}'", kinds[static_cast<int>(color.kind)], color.index);
}

std::string style_of(const Series& series) {
  const std::string color = color_of(series.color);
  // A line through a single point has no length: a dot, or a circle where it would be dashed.
  const bool alone = std::ranges::count_if(series.points, finite) == 1;
  switch (series.form) {
    case SeriesForm::line:
      return fmt::format("with linespoints lc {} lw 1.8 pt 7 ps {}", color,
                         alone                       ? 0.8
                         : series.points.size() > 40 ? 0.01
                                                     : 0.35);
    case SeriesForm::dashed:
      if (alone) return fmt::format("with points lc {} pt 6 ps 1.2", color);
      return fmt::format("with lines lc {} lw 1.5 dt (6,4)", color);
    case SeriesForm::area:
      return fmt::format("with fillsteps lc {} fs solid 0.55 noborder", color);
    case SeriesForm::marks:
      return fmt::format("with impulses lc {} lw 0.8", color);
  }
  return {};
}

std::string data_block(std::size_t index, const Series& series) {
  std::string text = fmt::format("$data{} << EOD\n", index);
  for (const auto& point : series.points) {
    // An empty line ends a stroke: a gap says that something is missing.
    text += finite(point) ? fmt::format("{:.8g} {:.8g}\n", point.first, point.second) : "\n";
  }
  return text + "EOD\n";
}

/// How many multiples of `step` lie in [low, high].
double ticks_in(double low, double high, double step) {
  return std::floor(high / step) - std::ceil(low / step) + 1.0;
}

/// The largest distance between ticks that is 1, 2 or 5 times a power of ten and puts `least` of them
/// into [low, high].
double tick_step(double low, double high, double least) {
  double power = std::pow(10.0, std::floor(std::log10(high - low)));
  for (;; power /= 10.0) {
    for (const double factor : {5.0, 2.0, 1.0})
      if (ticks_in(low, high, factor * power) >= least) return factor * power;
  }
}

bool is_small(const Plot& plot) { return plot.height < 250; }

std::string x_axis(const Plot& plot) {
  double least = std::numeric_limits<double>::infinity(), most = -least;
  bool filled = false;
  for (const Series& series : plot.series) {
    for (const auto& point : series.points) {
      if (!finite(point)) continue;
      least = std::min(least, point.first);
      most = std::max(most, point.first);
    }
    filled |= series.form == SeriesForm::area;
  }
  const double margin = most > least ? 0.02 * (most - least) : 0.5;
  std::string text = fmt::format("set xrange [{:.8g}:{:.8g}]\n", least - (filled ? 0.0 : margin),
                                 most + (filled ? 0.0 : margin));
  if (!plot.x_names.empty()) {
    std::string tics;
    for (std::size_t i = 0; i < plot.x_names.size(); ++i)
      tics += fmt::format("{}{} {}", i > 0 ? ", " : "", quoted(plot.x_names[i]), i);
    return text + fmt::format("set xtics ({}) rotate by 60 right offset 0,0\n", tics);
  }
  if (plot.whole_x)
    return text + fmt::format("set xtics {}\n",
                              most > least ? std::max(1.0, tick_step(least, most, 5.0)) : 1.0);
  if (is_small(plot) && most > least)
    text += fmt::format("set xtics {:.8g}\n", tick_step(least, most, 3.0));
  return text;
}

std::string axes(const Plot& plot, bool right) {
  std::string text = fmt::format("set xlabel {} offset 0,0.4\nset ylabel {} offset 1,0\n",
                                 quoted(plot.x_label), quoted(plot.y_label));
  text += x_axis(plot);
  if (plot.log_y) text += "set logscale y\nset format y '%g'\n";
  if (right)
    text += fmt::format("set y2label {}\nset y2range [0:1]\nset y2tics 0.2 nomirror\n",
                        quoted(plot.right_label));
  const bool filled = std::ranges::any_of(
      plot.series, [](const Series& series) { return series.form == SeriesForm::area; });
  if (!filled) return text;
  double top = 0.0;
  for (const Series& series : plot.series)
    for (const auto& point : series.points) top = std::max(top, point.second);
  return text + fmt::format("set yrange [0:{:.8g}]\nset ytics {:.8g}\n", top,
                            tick_step(0.0, std::max(top, 1e-9), 3.0));
}

std::string legend(const Plot& plot) {
  const auto titled =
      std::ranges::count_if(plot.series, [](const Series& s) { return !s.title.empty(); });
  if (!plot.legend || titled == 0) return "unset key\n";
  // Many names go next to the plot, a few above it.
  if (titled > 6) return "set key outside right top vertical Left reverse samplen 1.5\n";
  return "set key above left horizontal Left reverse samplen 2 maxrows 3\n";
}

}  // namespace

bool Plot::drawable() const {
  return std::ranges::any_of(series, [this](const Series& s) { return has_points(s, log_y); });
}

std::string gnuplot_script(const Plot& plot, const std::string& output) {
  require(plot.drawable(), "plot '{}': expected a finite point", plot.description);
  std::string blocks, curves;
  bool right = false;
  for (std::size_t i = 0; i < plot.series.size(); ++i) {
    const Series& series = plot.series[i];
    if (!has_points(series, plot.log_y)) continue;
    right |= series.right_axis;
    blocks += data_block(i, series);
    curves += fmt::format("{}$data{} using 1:2 axes x1y{} {} {}", curves.empty() ? "" : ", ", i,
                          series.right_axis ? 2 : 1, style_of(series),
                          series.title.empty() ? "notitle" : "title " + quoted(series.title));
  }
  return fmt::format(
      "reset\n"
      "set encoding utf8\nset minussign\n"
      "set terminal svg size {},{} dynamic noenhanced font 'sans-serif,{}'\n"
      "set output {}\n"
      "set border {}\n"
      "set tics nomirror out scale 0.4\nset xtics offset 0,0.3\n"
      "set grid ytics lt 1 lc rgb '#010101' lw 0.6\n"
      "{}{}{}plot {}\n"
      "set output\n",
      plot.width, plot.height, is_small(plot) ? 10 : 12, quoted(output), right ? 11 : 3,
      axes(plot, right), legend(plot), blocks, curves);
}

}  // namespace quench::experiments::report
