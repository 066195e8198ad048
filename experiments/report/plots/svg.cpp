#include "experiments/report/plots/svg.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "experiments/report/html.h"
#include "experiments/report/plots/axis.h"
#include "support/error.h"

namespace quench::experiments::report {
namespace {

using Point = std::pair<double, double>;

/// Larger values would overflow in the arithmetic of the axes.
constexpr double kMost = 1e300;

bool is_shown(const Point& point, bool log_y) {
  // NaN fails both comparisons.
  return std::abs(point.first) <= kMost && std::abs(point.second) <= kMost &&
         (!log_y || point.second >= 1.0 / kMost);
}

bool has_points(const Series& series, bool log_y) {
  return std::ranges::any_of(series.points, [&](const Point& p) { return is_shown(p, log_y); });
}

bool has_area(const Plot& plot) {
  return std::ranges::any_of(plot.series,
                             [](const Series& s) { return s.form == SeriesForm::area; });
}

/// The smallest and the largest x or y of the series of one axis.
struct Range {
  double low = std::numeric_limits<double>::infinity();
  double high = -low;

  void add(double value) {
    low = std::min(low, value);
    high = std::max(high, value);
  }
};

Range range_of(const Plot& plot, double Point::*coordinate, bool also_right) {
  Range range;
  for (const Series& series : plot.series) {
    if (series.right_axis && !also_right) continue;
    for (const Point& point : series.points)
      if (is_shown(point, plot.log_y)) range.add(point.*coordinate);
  }
  return range;
}

/// Pixels, with as many decimals as a screen shows.
std::string px(double pixels) {
  std::string text = fmt::format("{:.1f}", pixels);
  if (text.ends_with(".0")) text.resize(text.size() - 2);
  return text == "-0" ? "0" : text;
}

std::string color_of(const SeriesColor& color) {
  switch (color.kind) {
    case SeriesColor::Kind::run:
      return fmt::format("var(--run{})", color.index);
    case SeriesColor::Kind::depth:
      return fmt::format("var(--depth{})", color.index);
    case SeriesColor::Kind::level:
      return "var(--level)";
  }
  return "currentColor";
}

/// Draws one plot: the axes, then the series into the area that they leave.
class Drawing {
 public:
  explicit Drawing(const Plot& plot);
  std::string svg() const;

 private:
  /// An estimate: the reader's font is unknown.
  double text_width(const std::string& text) const {
    const auto characters = std::ranges::count_if(
        text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; });
    return 0.64 * font_ * static_cast<double>(characters);
  }
  double widest(const std::vector<Tick>& ticks) const {
    double width = 0.0;
    for (const Tick& tick : ticks) width = std::max(width, text_width(tick.label));
    return width;
  }
  double x_pixel(double x) const { return left_ + x_.position(x) * (right_ - left_); }
  double y_pixel(double y, const Axis& axis) const {
    return bottom_ - axis.position(y) * (bottom_ - top_);
  }
  const Axis& axis_of(const Series& series) const { return series.right_axis ? right_axis_ : y_; }

  Axis choose_x() const;
  Axis choose_y() const;
  std::string text(double x, double y, const std::string& words, const char* anchor,
                   const std::string& more = "") const;
  std::string x_ticks() const;
  std::string y_ticks() const;
  std::string labels() const;
  std::string tooltip(const Series& series, const Point& point) const;
  std::string line(const Series& series) const;
  std::string area(const Series& series) const;
  std::string marks(const Series& series) const;
  std::string points(const Series& series) const;
  std::string drawn(const Series& series) const;

  const Plot& plot_;
  bool small_;
  double font_;
  bool use_right_ = false;
  bool tooltips_ = false;
  double left_ = 0.0, right_ = 0.0, top_ = 0.0, bottom_ = 0.0;  // of the series' area
  Axis x_, y_, right_axis_;
};

constexpr double kTick = 4.0;  // the length of a tick
constexpr double kGap = 4.0;   // between a tick and its label

Drawing::Drawing(const Plot& plot)
    : plot_(plot), small_(plot.height < 250), font_(small_ ? 10.0 : 12.0) {
  use_right_ = std::ranges::any_of(
      plot.series, [&](const Series& s) { return s.right_axis && has_points(s, plot.log_y); });
  std::size_t points = 0;
  for (const Series& series : plot.series) points += series.points.size();
  // A tooltip for every point of a long run would make most of the page's size.
  constexpr std::size_t kMostTooltips = 300;
  tooltips_ = points <= kMostTooltips;
  y_ = choose_y();
  right_axis_ = linear_axis(0.0, 1.0, 0.2);
  const double line = 1.6 * font_;
  left_ = widest(y_.ticks) + kTick + kGap + (plot.y_label.empty() ? 0.0 : line);
  right_ = plot.width - (use_right_ ? widest(right_axis_.ticks) + kTick + kGap + line : font_);
  x_ = choose_x();
  top_ = 0.7 * font_;
  // Names are rotated by 60 degrees: sin 60 = 0.87 of their length goes down.
  const double names = plot.x_names.empty() ? font_ : 0.87 * widest(x_.ticks) + 0.5 * font_;
  bottom_ = plot.height - names - kTick - kGap - (plot.x_label.empty() ? 0.0 : line);
}

Axis Drawing::choose_x() const {
  const Range range = range_of(plot_, &Point::first, true);
  const bool several = range.high > range.low;
  const double margin = !several ? 0.5 : has_area(plot_) ? 0.0 : 0.02 * (range.high - range.low);
  const double low = range.low - margin, high = range.high + margin;
  if (!plot_.x_names.empty()) {
    Axis axis{.low = low, .high = high};
    for (std::size_t i = 0; i < plot_.x_names.size(); ++i) {
      const auto value = static_cast<double>(i);
      if (value >= low && value <= high) axis.ticks.push_back({value, plot_.x_names[i]});
    }
    return axis;
  }
  for (int least = small_ ? 4 : 6;; --least) {
    double step = several ? tick_step(range.low, range.high, least) : 1.0;
    if (plot_.whole_x) step = std::max(1.0, step);
    Axis axis = linear_axis(low, high, step);
    const double needed = (widest(axis.ticks) + font_) * static_cast<double>(axis.ticks.size());
    if (needed <= right_ - left_ || least == 2) return axis;
  }
}

Axis Drawing::choose_y() const {
  Range range = range_of(plot_, &Point::second, false);
  if (range.low > range.high) range = {0.1, 1.0};  // every series is on the right axis
  const int least = small_ ? 3 : 5;
  if (plot_.log_y) return log_axis(range.low, range.high, small_ ? 5 : 8);
  if (!has_area(plot_)) return extended_axis(range.low, range.high, least);
  const double top = range.high > 0.0 ? range.high : 1.0;
  return linear_axis(0.0, top, tick_step(0.0, top, least));
}

std::string Drawing::text(double x, double y, const std::string& words, const char* anchor,
                          const std::string& more) const {
  return fmt::format("<text x=\"{}\" y=\"{}\" text-anchor=\"{}\"{}>{}</text>\n", px(x), px(y),
                     anchor, more, escape_html(words));
}

std::string Drawing::x_ticks() const {
  std::string path, svg;
  const double y = bottom_ + kTick + kGap;
  for (const Tick& tick : x_.ticks) {
    const double x = x_pixel(tick.value);
    path += fmt::format("M{} {}v{}", px(x), px(bottom_), px(kTick));
    if (tick.label.empty()) continue;
    svg += plot_.x_names.empty()
               ? text(x, y + 0.7 * font_, tick.label, "middle")
               : text(x + 0.35 * font_, y, tick.label, "end",
                      fmt::format(" transform=\"rotate(-60 {} {})\"", px(x + 0.35 * font_), px(y)));
  }
  return fmt::format("<path stroke=\"currentColor\" d=\"{}\"/>\n", path) + svg;
}

std::string Drawing::y_ticks() const {
  std::string grid, path, svg;
  for (const Tick& tick : y_.ticks) {
    const std::string y = px(y_pixel(tick.value, y_));
    grid += fmt::format("M{} {}H{}", px(left_), y, px(right_));
    path += fmt::format("M{} {}h{}", px(left_), y, px(-kTick));
    svg += text(left_ - kTick - kGap, y_pixel(tick.value, y_) + 0.35 * font_, tick.label, "end");
  }
  if (use_right_) {
    for (const Tick& tick : right_axis_.ticks) {
      const double y = y_pixel(tick.value, right_axis_);
      path += fmt::format("M{} {}h{}", px(right_), px(y), px(kTick));
      svg += text(right_ + kTick + kGap, y + 0.35 * font_, tick.label, "start");
    }
  }
  return fmt::format(
             "<path stroke=\"var(--grid)\" d=\"{}\"/>\n<path stroke=\"currentColor\" d=\"{}\"/>\n",
             grid, path) +
         svg;
}

std::string Drawing::labels() const {
  const double x = (left_ + right_) / 2.0, y = (top_ + bottom_) / 2.0;
  const auto sideways = [](double at_x, double at_y) {
    return fmt::format(" transform=\"rotate(-90 {} {})\"", px(at_x), px(at_y));
  };
  std::string svg;
  if (!plot_.x_label.empty()) svg += text(x, plot_.height - 0.4 * font_, plot_.x_label, "middle");
  if (!plot_.y_label.empty()) svg += text(font_, y, plot_.y_label, "middle", sideways(font_, y));
  if (use_right_ && !plot_.right_label.empty()) {
    const double at = plot_.width - 0.4 * font_;
    svg += text(at, y, plot_.right_label, "middle", sideways(at, y));
  }
  return svg;
}

std::string Drawing::tooltip(const Series& series, const Point& point) const {
  const auto name = static_cast<std::size_t>(std::max(0.0, point.first));
  const std::string x = name < plot_.x_names.size()
                            ? plot_.x_names[name]
                            : plot_.x_label + " " + short_number(point.first);
  return fmt::format("<title>{}{}{}: {}</title>", escape_html(series.title),
                     series.title.empty() ? "" : ", ", escape_html(x), short_number(point.second));
}

std::string Drawing::line(const Series& series) const {
  const bool dashed = series.form == SeriesForm::dashed;
  const std::string color = color_of(series.color);
  const auto shown = [&](std::size_t i) {
    return i < series.points.size() && is_shown(series.points[i], plot_.log_y);
  };
  const bool few = series.points.size() <= 40;
  std::string path, dots;
  for (std::size_t i = 0; i < series.points.size(); ++i) {
    if (!shown(i)) continue;
    const Point& point = series.points[i];
    const std::string x = px(x_pixel(point.first));
    const std::string y = px(y_pixel(point.second, axis_of(series)));
    const bool begins = i == 0 || !shown(i - 1);
    path += fmt::format("{}{} {}", begins ? "M" : "L", x, y);
    // A line through a single point has no length.
    const bool alone = begins && !shown(i + 1);
    if (!alone && (!few || dashed)) continue;
    const std::string paint =
        dashed ? fmt::format("fill=\"var(--card)\" stroke=\"{}\" stroke-width=\"1.5\"", color)
               : fmt::format("fill=\"{}\"", color);
    dots += fmt::format("<circle cx=\"{}\" cy=\"{}\" r=\"{}\" {}>{}</circle>\n", x, y,
                        alone ? (dashed ? "4.5" : "3.5") : "2.2", paint,
                        tooltips_ ? tooltip(series, point) : "");
  }
  return fmt::format(
             "<path fill=\"none\" stroke=\"{}\" stroke-width=\"{}\" stroke-linejoin=\"round\"{} "
             "d=\"{}\">{}</path>\n",
             color, dashed ? "1.5" : "1.8", dashed ? " stroke-dasharray=\"6 4\"" : "", path,
             series.title.empty() ? "" : "<title>" + escape_html(series.title) + "</title>") +
         dots;
}

std::string Drawing::area(const Series& series) const {
  std::string path;
  const std::string floor = px(bottom_);
  std::string x;
  for (const Point& point : series.points) {
    if (!is_shown(point, plot_.log_y)) continue;
    x = px(x_pixel(point.first));
    path += path.empty() ? fmt::format("M{} {}", x, floor) : fmt::format("H{}", x);
    path += fmt::format("V{}", px(y_pixel(point.second, axis_of(series))));
  }
  return fmt::format("<path fill=\"{}\" fill-opacity=\"0.6\" d=\"{}V{}Z\"/>\n",
                     color_of(series.color), path, floor);
}

std::string Drawing::marks(const Series& series) const {
  std::string path;
  for (const Point& point : series.points) {
    if (!is_shown(point, plot_.log_y)) continue;
    path += fmt::format("M{} {}V{}", px(x_pixel(point.first)), px(bottom_),
                        px(y_pixel(point.second, axis_of(series))));
  }
  return fmt::format("<path fill=\"none\" stroke=\"{}\" d=\"{}\"/>\n", color_of(series.color),
                     path);
}

std::string Drawing::points(const Series& series) const {
  std::string circles;
  for (const Point& point : series.points) {
    if (!is_shown(point, plot_.log_y)) continue;
    circles += fmt::format("<circle cx=\"{}\" cy=\"{}\" r=\"4\" fill=\"{}\">{}</circle>\n",
                           px(x_pixel(point.first)), px(y_pixel(point.second, axis_of(series))),
                           color_of(series.color), tooltips_ ? tooltip(series, point) : "");
  }
  return circles;
}

std::string Drawing::drawn(const Series& series) const {
  switch (series.form) {
    case SeriesForm::line:
    case SeriesForm::dashed:
      return line(series);
    case SeriesForm::area:
      return area(series);
    case SeriesForm::marks:
      return marks(series);
    case SeriesForm::points:
      return points(series);
  }
  return "";
}

std::string Drawing::svg() const {
  std::string svg = fmt::format(
      "<svg viewBox=\"0 0 {0} {1}\" width=\"{0}\" height=\"{1}\" role=\"img\" aria-label=\"{2}\" "
      "font-size=\"{3}\" fill=\"currentColor\">\n<title>{2}</title>\n",
      plot_.width, plot_.height, escape_html(plot_.description), px(font_));
  svg += y_ticks() + x_ticks() + labels();
  for (const Series& series : plot_.series)
    if (has_points(series, plot_.log_y)) svg += drawn(series);
  // Over the series, so that a filled one does not cover it.
  const std::string right = use_right_ ? fmt::format("V{}", px(top_)) : "";
  return svg +
         fmt::format("<path fill=\"none\" stroke=\"currentColor\" d=\"M{} {}V{}H{}{}\"/>\n</svg>\n",
                     px(left_), px(top_), px(bottom_), px(right_), right);
}

/// The titles with their colours, in HTML: it wraps, and the plot keeps its size.
std::string legend_of(const Plot& plot) {
  if (!plot.legend) return "";
  std::string items;
  for (const Series& series : plot.series) {
    if (series.title.empty() || !has_points(series, plot.log_y)) continue;
    items += fmt::format("<span{}><i style=\"--color:{}\"></i>{}</span>\n",
                         series.form == SeriesForm::dashed ? " class=\"dashed\"" : "",
                         color_of(series.color), escape_html(series.title));
  }
  return items.empty() ? "" : "<p class=\"keys\">" + items + "</p>\n";
}

}  // namespace

bool drawable(const Plot& plot) {
  return std::ranges::any_of(plot.series,
                             [&plot](const Series& s) { return has_points(s, plot.log_y); });
}

std::string draw_svg(const Plot& plot) {
  require(drawable(plot), "plot '{}': expected a finite point", plot.description);
  return Drawing(plot).svg();
}

std::string plot_figure(const Plot& plot, const std::string& caption) {
  if (!drawable(plot)) return "";
  return fmt::format(
      "<figure class=\"plot\"><figcaption>{}</figcaption>\n<div>{}{}</div></figure>\n", caption,
      legend_of(plot), draw_svg(plot));
}

}  // namespace quench::experiments::report
