#include "experiments/report/plots/plot.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <stdexcept>
#include <string_view>
#include <vector>

#include "experiments/report/plots/svg.h"

using namespace quench::experiments::report;

namespace {

Plot line_plot(const std::string& title, std::vector<std::pair<double, double>> points) {
  return {.description = "a & b",
          .x_label = "epoch",
          .y_label = "top1 (%)",
          .series = {{.title = title, .points = std::move(points)}}};
}

bool holds(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::size_t count(const std::string& text, std::string_view part) {
  std::size_t n = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++n;
  return n;
}

/// Whether every element is closed in order, attributes are quoted, and each & begins an entity.
bool well_formed(std::string_view xml) {
  std::vector<std::string_view> open;
  while (!xml.empty()) {
    if (xml[0] == '&') {
      const std::size_t end = xml.find(';');
      if (end == std::string_view::npos || end > 6) return false;
    }
    if (xml[0] != '<') {
      xml.remove_prefix(1);
      continue;
    }
    std::size_t end = 1;
    for (bool quoted = false; end < xml.size() && (quoted || xml[end] != '>'); ++end) {
      if (xml[end] == '<') return false;
      quoted ^= xml[end] == '"';
    }
    if (end == xml.size()) return false;
    const std::string_view tag = xml.substr(1, end - 1);
    const std::string_view name = tag.substr(0, tag.find(' '));
    xml.remove_prefix(end + 1);
    if (tag.starts_with('/')) {
      if (open.empty() || open.back() != tag.substr(1)) return false;
      open.pop_back();
    } else if (!tag.ends_with('/')) {
      open.push_back(name);
    }
  }
  return open.empty();
}

}  // namespace

TEST_CASE("plot: drawable with one finite point, above 0 on a logarithmic axis") {
  CHECK(drawable(line_plot("", {{1, 2}})));
  CHECK_FALSE(drawable(line_plot("", {})));
  CHECK_FALSE(drawable(line_plot("", {{1, NAN}, {INFINITY, 2}})));
  Plot plot = line_plot("", {{1, -1}});
  plot.log_y = true;
  CHECK_FALSE(drawable(plot));
  CHECK(plot_figure(plot, "x").empty());
  CHECK_THROWS_AS(draw_svg(plot), std::invalid_argument);
}

TEST_CASE("svg: user's text is escaped in the drawing, its tooltips and the legend") {
  Plot plot = line_plot("<b>&\"it's\"\x01", {{1, 2}, {2, 3}});
  plot.x_names = {"", "<i>", "\"&"};
  const std::string figure = plot_figure(plot, "caption");
  CHECK(count(figure, "&lt;b&gt;&amp;&quot;it&#39;s&quot; ") == 4);  // legend, line, two points
  CHECK(holds(figure, ">&lt;i&gt;</text>"));
  CHECK(holds(figure, "aria-label=\"a &amp; b\""));
  CHECK(holds(figure, "role=\"img\""));
  CHECK_FALSE(holds(figure, "<b>"));
  CHECK(well_formed(figure));
}

TEST_CASE("svg: well-formed in every form, and the same bytes each time") {
  for (const SeriesForm form : {SeriesForm::line, SeriesForm::dashed, SeriesForm::area,
                                SeriesForm::marks, SeriesForm::points}) {
    for (const bool log_y : {false, true}) {
      for (const bool right_axis : {false, true}) {
        Plot plot = line_plot("<&>", {{0, 0.5}, {1, NAN}, {2, 0.0}, {3, 1e9}, {4, -INFINITY}});
        plot.series[0].form = form;
        plot.series[0].right_axis = right_axis;
        plot.right_label = "alpha";
        plot.log_y = log_y;
        const std::string svg = draw_svg(plot);
        CHECK(well_formed(svg));
        CHECK(svg == draw_svg(plot));
        CHECK_FALSE(holds(svg, "nan"));
        CHECK_FALSE(holds(svg, "inf"));
      }
    }
  }
}

TEST_CASE("svg: a line has a gap where a value is not finite, or not above 0 on a log axis") {
  const auto strokes = [](double middle, bool log_y) {
    Plot plot = line_plot("", {{1, 1}, {2, 2}, {3, middle}, {4, 1}, {5, 2}});
    plot.log_y = log_y;
    const std::string svg = draw_svg(plot);
    const std::size_t line = svg.find("<path fill=\"none\" stroke=\"var(--run0)\"");
    const std::string path = svg.substr(line, svg.find("</path>", line) - line);
    return count(path, "M");
  };
  CHECK(strokes(1.5, false) == 1);
  CHECK(strokes(NAN, false) == 2);
  CHECK(strokes(0.0, false) == 1);
  CHECK(strokes(0.0, true) == 2);
  CHECK(strokes(-1.0, true) == 2);
}

TEST_CASE("svg: a point without neighbours is a dot, or a circle where the line would be dashed") {
  Plot plot = line_plot("run", {{1, 0.5}});
  CHECK(holds(draw_svg(plot), "r=\"3.5\" fill=\"var(--run0)\"><title>run, epoch 1: 0.5</title>"));
  plot.series[0].form = SeriesForm::dashed;
  CHECK(holds(draw_svg(plot), "r=\"4.5\" fill=\"var(--card)\" stroke=\"var(--run0)\""));
  plot.series[0].points.emplace_back(2, 0.5);
  CHECK_FALSE(holds(draw_svg(plot), "<circle"));
  plot.series[0].points.emplace_back(3, NAN);
  plot.series[0].points.emplace_back(4, 0.5);
  CHECK(count(draw_svg(plot), "<circle") == 1);
}

TEST_CASE("svg: positions of a line, by hand") {
  // 100 x 320 with a font of 12 and no labels. Ticks 0, 1, ..., 5: 0.64 * 12 + 8 = 15.7 pixels left of
  // the axis, 12 to the right; 8.4 above and 320 - 12 - 8 = 300 below. x reaches 0.5 past the point.
  Plot plot = line_plot("", {{7, 0}, {7, 5}});
  plot.x_label = plot.y_label = "";
  plot.width = 100;
  plot.height = 320;
  plot.whole_x = true;
  const std::string svg = draw_svg(plot);
  CHECK(holds(svg, "d=\"M51.8 300L51.8 8.4\""));
  CHECK(holds(svg, "d=\"M15.7 8.4V300H88\""));
  CHECK(holds(svg, ">7</text>"));
}

TEST_CASE("svg: a histogram has three ticks on each axis at least") {
  // Ranges where a step of a quarter, rounded up, would leave one: [-4.2, 4.2] by 5.
  for (const double end : {4.2, 0.51, 1.0, 130.0, 0.013}) {
    CAPTURE(end);
    Plot plot = line_plot("", {{-end, 2.1}, {end, 0.0}});
    plot.series[0].form = SeriesForm::area;
    plot.width = 264;
    plot.height = 190;
    const std::string svg = draw_svg(plot);
    CHECK(count(svg, "text-anchor=\"end\"") >= 3);         // y: 0, 1, 2 of 2.1
    CHECK(count(svg, "text-anchor=\"middle\"") >= 3 + 2);  // x, and the axes' labels
  }
}

TEST_CASE("svg: the legend is outside the drawing and leaves out series that are not drawn") {
  Plot plot = line_plot("first", {{1, 2}, {2, 3}});
  plot.series.push_back({.title = "none", .points = {{1, NAN}}});
  plot.series.push_back({.title = "last", .points = {{1, 1}}, .form = SeriesForm::dashed});
  const std::string figure = plot_figure(plot, "");
  const std::string legend = figure.substr(0, figure.find("<svg"));
  CHECK(holds(legend, "<span><i style=\"--color:var(--run0)\"></i>first</span>"));
  CHECK(holds(legend, "<span class=\"dashed\"><i style=\"--color:var(--run0)\"></i>last</span>"));
  CHECK_FALSE(holds(figure, "none</span>"));
  plot.legend = false;
  CHECK_FALSE(holds(plot_figure(plot, ""), "<span"));
}
