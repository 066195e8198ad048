#include "experiments/report/plots/plot.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cmath>
#include <stdexcept>
#include <tuple>

#include "experiments/report/plots/gnuplot.h"
#include "experiments/report/plots/svg_theme.h"

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

bool can_plot() {
  try {
    require_plots();
    return true;
  } catch (const std::runtime_error& error) {
    MESSAGE(error.what());
    return false;
  }
}

}  // namespace

TEST_CASE("plot: drawable with one finite point, above 0 on a logarithmic axis") {
  CHECK(line_plot("", {{1, 2}}).drawable());
  CHECK_FALSE(line_plot("", {}).drawable());
  CHECK_FALSE(line_plot("", {{1, NAN}, {INFINITY, 2}}).drawable());
  Plot plot = line_plot("", {{1, -1}});
  plot.log_y = true;
  CHECK_FALSE(plot.drawable());
  CHECK_THROWS_AS(gnuplot_script(plot, "x.svg"), std::invalid_argument);
}

TEST_CASE("gnuplot script: user's text is quoted so that nothing in it is a command") {
  const std::string script =
      gnuplot_script(line_plot("it's `touch x` @m\n$HOME \"q\"", {{1, 2}}), "it's.svg");
  CHECK(holds(script, "title 'it''s `touch x` @m $HOME \"q\"'"));
  CHECK(holds(script, "set output 'it''s.svg'"));
  CHECK(holds(script, "set ylabel 'top1 (%)' offset 1,0"));
}

TEST_CASE("gnuplot script: points as they are, a gap for what is not finite") {
  const std::string script = gnuplot_script(line_plot("", {{1, 0.5}, {2, NAN}, {3, -2e-7}}), "x");
  CHECK(holds(script, "<< EOD\n1 0.5\n\n3 -2e-07\nEOD\n"));
  CHECK(holds(script, "notitle"));
  CHECK(holds(script, "set xrange [0.96:3.04]"));
}

TEST_CASE("gnuplot script: a single point is a dot, or a circle where the line would be dashed") {
  Plot plot = line_plot("", {{1, 0.5}});
  CHECK(holds(gnuplot_script(plot, "x"), "pt 7 ps 0.8"));
  plot.series[0].form = SeriesForm::dashed;
  CHECK(holds(gnuplot_script(plot, "x"), "with points lc rgb '#020000' pt 6 ps 1.2"));
  plot.series[0].points.emplace_back(2, 0.5);
  CHECK(holds(gnuplot_script(plot, "x"), "with lines"));
}

TEST_CASE("gnuplot script: a histogram has three ticks on each axis at least") {
  // Ranges where a step of a quarter, rounded up, would leave one: [-4.2, 4.2] by 5.
  for (const auto& [low, high, step] :
       {std::tuple{-4.2, 4.2, 2.0}, {-0.51, 0.51, 0.5}, {0.0, 1.0, 0.5}, {-1.3, 0.9, 0.5}}) {
    CAPTURE(low);
    Plot plot = line_plot("", {{low, 2.1}, {high, 0.0}});
    plot.series[0].form = SeriesForm::area;
    plot.height = 190;
    const std::string script = gnuplot_script(plot, "x");
    CHECK(holds(script, fmt::format("set xtics {:.8g}\n", step)));
    CHECK(holds(script, "set ytics 1\n"));  // 0, 1, 2 of 2.1
  }
}

TEST_CASE("theme_svg: lines and placeholders become the page's colours, labels stay") {
  const std::string svg =
      "<?xml version=\"1.0\"?>\n<svg \n viewBox=\"0 0 480 300\"\n>\n<title>Gnuplot</title>\n"
      "<g id=\"gnuplot_canvas\">\n<defs>\n<circle id='gpDot'/>\n</defs>\n"
      "<g fill=\"none\" color=\"black\" stroke=\"currentColor\">\n</g>\n"
      "<g fill=\"none\" color=\"black\" stroke=\"rgb(  0,   0,   0)\">\n"
      "<path stroke='rgb(  2,   0,   3)' d='M1,2'/>\n<path stroke='rgb(3,0,8)'/>\n<path "
      "stroke='black'/>\n"
      "<use xlink:href='#gpPt6' transform='translate(1,2)' color='rgb(  2,   0,   1)'/>\n"
      "<use xlink:href='#gpPt5' transform='scale(2)' color='rgb(  2,   0,   1)'/>\n"
      "<text>rgb( id=\"x\"</text>\n</g>\n</g>\n</svg>\n";
  CHECK(theme_svg(svg, "a & b") ==
        "<svg viewBox=\"0 0 480 300\" width=\"480\" height=\"300\" role=\"img\" "
        "aria-label=\"a &amp; b\">\n<title>a &amp; b</title>\n<g>\n"
        "<g fill=\"none\" stroke=\"currentColor\">\n"
        "<path stroke='var(--run3)' d='M1,2'/>\n<path stroke='var(--depth8)'/>\n<path "
        "stroke='currentColor'/>\n"
        "<circle r='1' stroke='none' transform='translate(1,2)' fill='var(--run1)'/>\n"
        "<circle r='1' stroke-width='0.4' fill='none' transform='scale(2)' "
        "stroke='var(--run1)'/>\n"
        "<text>rgb( id=\"x\"</text>\n</g>\n</g>\n</svg>\n");
  CHECK_THROWS_AS(theme_svg("", "x"), std::runtime_error);
  CHECK_THROWS_AS(theme_svg("<svg viewBox=\"0 0 1 1\">", "x"), std::runtime_error);
}

TEST_CASE("draw: gnuplot's drawings in their order, markup in a title escaped") {
  if (!can_plot()) return;
  const auto drawings =
      draw({line_plot("<script>&`echo x`", {{1, 2}, {2, 3}}), line_plot("second", {{1, 5}})});
  REQUIRE(drawings.size() == 2);
  CHECK(holds(drawings[0], "&lt;script>&amp;`echo x`"));
  CHECK_FALSE(holds(drawings[0], "<script"));
  CHECK(holds(drawings[0], "var(--run0)"));
  CHECK(holds(drawings[0], "top1 (%)"));
  CHECK(holds(drawings[1], "second"));
  CHECK_FALSE(holds(drawings[1], "rgb("));
  CHECK(draw({}).empty());
}
