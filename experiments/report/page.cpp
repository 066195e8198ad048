#include <algorithm>

#include "experiments/report/html.h"
#include "experiments/report/report.h"
#include "experiments/report/sections/sections.h"
#include "experiments/report/style.h"
#include "support/error.h"
#include "support/file.h"

namespace quench::experiments::report {
namespace {

std::string title_of(Runs runs) {
  std::string names;
  for (const RunReport& run : runs) names += (names.empty() ? "" : ", ") + run.record.name;
  return "quench: " + names;
}

/// Model and data of the first run; the table of configs shows differences.
std::string subtitle(Runs runs) {
  const RunRecord& first = runs.front().record;
  const std::string name = first.value_of("model.name");
  return fmt::format("{} on {}", name.empty() ? first.value_of("model.onnx") : name,
                     first.value_of("data.name"));
}

/// Links to the sections on the page.
std::string navigation(const std::string& body) {
  std::string links;
  constexpr std::string_view kSection = "<section id=\"", kHeading = "<h2>", kEnd = "</h2>";
  for (std::size_t at = body.find(kSection); at != std::string::npos;
       at = body.find(kSection, at)) {
    at += kSection.size();
    const std::string id = body.substr(at, body.find('"', at) - at);
    const std::size_t heading = body.find(kHeading, at) + kHeading.size();
    links += fmt::format("<a href=\"#{}\">{}</a>\n", id,
                         body.substr(heading, body.find(kEnd, heading) - heading));
  }
  return "<nav>\n" + links + "</nav>\n";
}

}  // namespace

std::string run_label(const RunReport& run) { return run_label(run, run.record.name); }

std::string run_label(const RunReport& run, const std::string& name) {
  return fmt::format("<span class=\"run\"><i style=\"--color:var(--run{})\"></i>{}</span>",
                     run.record.color(), escape_html(name));
}

int depth_color(std::size_t position, std::size_t count) {
  if (count < 2) return 0;
  return static_cast<int>(position * static_cast<std::size_t>(kDepthColors - 1) / (count - 1));
}

std::string legend(Runs runs, bool (*shown)(const RunReport&)) {
  if (runs.size() < 2) return "";
  const bool seeds = has_seeds(runs);
  std::vector<int> named;
  std::string html;
  for (const RunReport& run : runs) {
    if (!shown(run) || std::ranges::find(named, run.record.group) != named.end()) continue;
    named.push_back(run.record.group);
    html += run_label(run, seeds ? run.record.variant() : run.record.name) + " ";
  }
  return fmt::format("<p class=\"legend\">{}</p>\n", html);
}

std::string section(const std::string& id, const std::string& title, const std::string& html) {
  if (html.empty()) return "";
  return fmt::format("<section id=\"{}\">\n<h2>{}</h2>\n{}</section>\n", id, escape_html(title),
                     html);
}

std::string report_page(std::span<const RunReport> runs) {
  require(!runs.empty(), "report: expected at least one run");
  std::string body = headline_section(runs);
  body += seeds_section(runs);
  body += bit_search_section(runs);
  body += curves_section(runs);
  body += quantizer_section(runs);
  body += layers_section(runs);
  body += histograms_section(runs);
  body += sizes_section(runs);
  body += mistakes_section(runs);
  body += config_section(runs);
  body += machine_section(runs);
  const std::string title = escape_html(title_of(runs));
  return fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta name=\"color-scheme\" content=\"light dark\">\n"
      // This page may not load or run anything.
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; "
      "style-src 'unsafe-inline'\">\n"
      "<title>{}</title>\n<style>{}</style>\n</head>\n<body><main>\n"
      "<h1>{}</h1>\n<p class=\"hint\">{}</p>\n{}{}"
      "<footer>Made by quench report. This page is one file and loads nothing.</footer>\n"
      "</main></body>\n</html>\n",
      title, page_style(), runs.size() == 1 ? escape_html(runs[0].record.name) : "Runs compared",
      escape_html(subtitle(runs)), navigation(body), body);
}

std::string write_run_report(const std::filesystem::path& folder, layers::Module& network,
                             const ExperimentConfig& config, const Data& data) {
  try {
    std::vector<RunRecord> records{read_run_record(folder)};
    name_runs(records);
    const std::vector<RunReport> runs{{std::move(records[0]), "last",
                                       measure(network, config, data.train->class_names(), &data)}};
    write_file_atomically(folder / "report.html", report_page(runs));
    return "";
  } catch (const std::exception& error) {
    return error.what();
  }
}

std::string write_search_report(const std::filesystem::path& folder) {
  try {
    write_file_atomically(folder / "report.html", report_page(load_runs({folder}, {})));
    return "";
  } catch (const std::exception& error) {
    return error.what();
  }
}

}  // namespace quench::experiments::report
