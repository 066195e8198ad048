#include "experiments/search/bit_search.h"

#include <array>
#include <nlohmann/json.hpp>

#include "experiments/report/html.h"
#include "experiments/report/plots/svg.h"
#include "experiments/report/sections/sections.h"
#include "support/error.h"
#include "support/file.h"

namespace quench::experiments::report {
namespace {

using Points = std::vector<std::pair<double, double>>;

/// A cost of the networks in search.json, and its unit on an axis.
struct Axis {
  const char* key;
  const char* label;
  double scale;
};
constexpr std::array kAxes{Axis{"bytes", "size of weights (KiB)", 1.0 / 1024.0},
                           Axis{"bops", "bit operations (G)", 1e-9},
                           Axis{"milliseconds", "latency (ms)", 1.0}};

/// Networks without one of the two values are left out.
Points points_of(const nlohmann::json& networks, const Axis& x, const char* y) {
  Points points;
  for (const nlohmann::json& network : networks)
    if (network.contains(x.key) && network.contains(y))
      points.emplace_back(network[x.key].get<double>() * x.scale, network[y].get<double>());
  return points;
}

/// The front as a line, uniform networks and the chosen one as points.
std::string figure(const nlohmann::json& search, const Axis& x, bool accuracy) {
  const char* y = accuracy ? "top1" : "sensitivity";
  Plot plot{.description = accuracy
                               ? "Accuracy of networks with searched bits, by their cost"
                               : "Predicted sensitivity of networks with searched bits, by cost",
            .x_label = x.label,
            .y_label = accuracy ? "top1 (%)" : "predicted sensitivity",
            .width = 340,
            .height = 260,
            .log_y = !accuracy};
  const auto add = [&](const char* title, const nlohmann::json& networks, SeriesForm form,
                       int color) {
    plot.series.push_back({.title = title,
                           .points = points_of(networks, x, y),
                           .form = form,
                           .color = {SeriesColor::Kind::run, color}});
  };
  add("searched", search.at("front"), SeriesForm::line, 0);
  add("uniform", search.at("uniform"), SeriesForm::points, 1);
  add("chosen", nlohmann::json::array({search.at("chosen")}), SeriesForm::points, 2);
  if (plot.series.front().points.empty()) return "";
  return plot_figure(plot, accuracy ? "Measured: top1 of the evaluated networks"
                                    : "Predicted: the sum over layers");
}

std::string bits_table(const nlohmann::json& search) {
  HtmlTable table({{"layer"}, {"bits", true}});
  for (const auto& [layer, bits] : search.at("chosen").at("bits").items())
    table.add({layer, std::to_string(bits.get<int>())});
  return table.html();
}

std::string search_html(const RunReport& run) {
  const std::filesystem::path file = run.record.folder / kSearchFile;
  if (!std::filesystem::exists(file)) return "";
  try {
    const nlohmann::json search = nlohmann::json::parse(read_text(file));
    std::string figures;
    for (const bool accuracy : {false, true})
      for (const Axis& axis : kAxes) figures += figure(search, axis, accuracy);
    return fmt::format(
        "<h3>{}</h3>\n<div class=\"figures\">\n{}</div>\n<details><summary>Bits of the "
        "chosen network</summary>\n{}</details>\n",
        run_label(run), figures, bits_table(search));
  } catch (const nlohmann::json::exception& error) {
    return fmt::format("<p>{}: {}</p>\n", escape_html(file.string()), escape_html(error.what()));
  }
}

}  // namespace

std::string bit_search_section(Runs runs) {
  std::string html;
  for (const RunReport& run : runs) html += search_html(run);
  return section("bits", "Bits searched within a budget", html);
}

}  // namespace quench::experiments::report
