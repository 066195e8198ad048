#include "experiments/report/html.h"
#include "experiments/report/sections/sections.h"
#include "support/error.h"

namespace quench::experiments::report {
namespace {

std::string differences(Runs runs) {
  std::vector<ConfigValues> configs;
  std::vector<HtmlTable::Column> columns{{"key"}};
  for (const RunReport& run : runs) {
    configs.push_back(run.record.config);
    columns.push_back({HtmlCell::raw(run_label(run))});
  }
  HtmlTable table(std::move(columns));
  for (const ConfigDifference& difference : config_differences(configs)) {
    std::vector<HtmlCell> cells{difference.key};
    for (const std::string& value : difference.values)
      cells.emplace_back(value.empty() ? kDash : value);
    table.add(std::move(cells));
  }
  if (table.empty()) return "<p>The configs are the same.</p>\n";
  return "<p class=\"hint\">Differences between the runs' configs:</p>\n" + table.html();
}

std::string whole(const RunReport& run) {
  return fmt::format("<details><summary>config.toml of {}</summary><pre>{}</pre></details>\n",
                     run_label(run), escape_html(run.record.config_text));
}

}  // namespace

std::string config_section(Runs runs) {
  std::string html = runs.size() > 1 ? differences(runs) : "";
  for (const RunReport& run : runs) html += whole(run);
  return section("config", "Config", html);
}

}  // namespace quench::experiments::report
