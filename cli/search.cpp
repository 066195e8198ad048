#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "cli/command.h"
#include "cli/parts/provenance.h"
#include "cli/parts/run_options.h"
#include "cli/parts/run_record.h"
#include "experiments/post_training.h"
#include "experiments/report/report.h"
#include "experiments/search/bit_search.h"
#include "support/console.h"
#include "support/error.h"
#include "support/file.h"
#include "support/progress.h"
#include "support/text_number.h"
#include "support/text_table.h"

namespace quench::cli {
namespace {

using experiments::CostKind;
using experiments::SearchPoint;
using experiments::SearchResult;

/// What the command line says; in the run folder, for --resume.
struct SearchCommand {
  std::string budget;
  std::string options = "2,3,4,8";
  std::string sensitivity = "kl";
  std::string what = "weights";
  std::int64_t images = 512;
  std::string latency_table;
  bool verify = false;
  int verify_points = 0;

  std::string config;
  std::string data_dir;
  std::vector<std::string> overrides;
  std::string checkpoint;
  std::string run;
  std::string resume;
  bool json = false;
  bool skip_bad = false;
  std::vector<std::string> command_line;
  std::set<std::string> given;  ///< names of the options that the command line has
};

constexpr const char* kOptionsFile = "search_options.json";

std::vector<int> parse_options(const std::string& text) {
  std::set<int> bits;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    int value = 0;
    const auto [stop, error] = std::from_chars(text.data() + begin, text.data() + end, value);
    require(error == std::errc{} && stop == text.data() + end && value >= 1 && value <= 8,
            "--options: expected bits in 1..8 with commas between them, such as 2,4,8, got '{}'",
            text);
    bits.insert(value);
    begin = end + 1;
  }
  return {bits.begin(), bits.end()};
}

experiments::SearchOptions search_options(const SearchCommand& command) {
  require(!command.budget.empty(), "search: expected --budget {}", experiments::kBudgetForms);
  require(command.images >= 1, "--images: expected at least 1 image, got {}", command.images);
  return {.budget = experiments::parse_budget(command.budget),
          .options = parse_options(command.options),
          .sensitivity = {.measure = ptq::sensitivity_measure(command.sensitivity),
                          .what = experiments::searched_bits(command.what),
                          .images = command.images},
          .latency_table = command.latency_table,
          .verify = command.verify,
          .verify_points = command.verify_points};
}

void keep_options(const SearchCommand& command, const std::filesystem::path& folder) {
  const nlohmann::json json{
      {"budget", command.budget},           {"options", command.options},
      {"sensitivity", command.sensitivity}, {"what", command.what},
      {"images", command.images},           {"latency_table", command.latency_table},
      {"verify", command.verify},           {"verify_points", command.verify_points}};
  write_file_atomically(folder / kOptionsFile, json.dump(1) + "\n");
}

/// What the command line leaves open is as the folder's search had it.
void take_options(SearchCommand& command, const std::filesystem::path& folder) {
  const std::filesystem::path file = folder / kOptionsFile;
  if (!std::filesystem::exists(file))
    fail("{}: expected the folder of a search, got one without {}", folder.string(), kOptionsFile);
  try {
    const nlohmann::json json = nlohmann::json::parse(read_text(file));
    const auto take = [&](const char* key, auto& value) {
      if (!command.given.contains(key)) json.at(key).get_to(value);
    };
    take("budget", command.budget);
    take("options", command.options);
    take("sensitivity", command.sensitivity);
    take("what", command.what);
    take("images", command.images);
    take("latency_table", command.latency_table);
    take("verify_points", command.verify_points);
    if (!command.verify) json.at("verify").get_to(command.verify);
  } catch (const nlohmann::json::exception& error) {
    fail("{}: {}", file.string(), error.what());
  }
}

nlohmann::json to_json(const SearchResult& result, const SearchPoint& point) {
  nlohmann::json bits = nlohmann::json::object();
  result.space.for_each_searched(point.choice, [&](const experiments::SearchLayer& layer,
                                                   int option) { bits[layer.name] = option; });
  nlohmann::json json{{"sensitivity", point.sensitivity},
                      {"bytes", point.bytes},
                      {"bops", point.bops},
                      {"mean_bits", point.mean_bits},
                      {"bits", std::move(bits)}};
  if (point.milliseconds) json["milliseconds"] = *point.milliseconds;
  if (const auto& verified = point.verified) {
    json["top1"] = verified->top1;
    json["loss"] = verified->loss;
    json["dominated"] = verified->dominated;
    if (verified->sensitivity) json["measured_sensitivity"] = *verified->sensitivity;
  }
  return json;
}

nlohmann::json to_json(const SearchResult& result) {
  nlohmann::json layers = nlohmann::json::array();
  for (const experiments::SearchGroup& group : result.space.groups)
    for (const std::size_t i : group.layers) {
      const experiments::SearchLayer& layer = result.space.layers[i];
      nlohmann::json row{{"layer", layer.name}, {"macs", layer.macs}, {"weights", layer.weights}};
      if (!layer.searched()) {
        row["fixed"] = {{"weight_bits", layer.fixed.weight}, {"input_bits", layer.fixed.input}};
      } else {
        for (const int option : group.options) {
          const std::string bits = std::to_string(option);
          row["sensitivity"][bits] = result.sensitivities.at({layer.name, option});
          if (result.space.milliseconds)
            row["milliseconds"][bits] = result.space.milliseconds->at({layer.name, option});
        }
      }
      layers.push_back(std::move(row));
    }
  nlohmann::json ties = nlohmann::json::array();
  for (const experiments::SearchGroup& group : result.space.groups) {
    if (group.layers.size() < 2) continue;
    nlohmann::json names = nlohmann::json::array();
    for (const std::size_t i : group.layers) names.push_back(result.space.layers[i].name);
    ties.push_back(std::move(names));
  }
  nlohmann::json uniform = nlohmann::json::array(), front = nlohmann::json::array();
  for (const auto& [option, point] : result.uniform) {
    uniform.push_back(to_json(result, point));
    uniform.back()["option"] = option;
  }
  for (const SearchPoint& point : result.front) front.push_back(to_json(result, point));
  nlohmann::json json{{"budget", {{"cost", name_of(result.budget.kind)}, {"limit", result.limit}}},
                      {"images", result.images},
                      {"layers", std::move(layers)},
                      {"tied", std::move(ties)},
                      {"chosen", to_json(result, result.chosen)},
                      {"uniform", std::move(uniform)},
                      {"front", std::move(front)}};
  if (result.floating) json["top1_float"] = result.floating->top1();
  return json;
}

/// A sensitivity at every option, and the bits that were chosen; * marks tied layers.
void print_layers(const SearchResult& result) {
  constexpr auto kRight = TextTable::Align::right;
  const std::vector<int> options = result.space.options();
  std::vector<TextTable::Column> columns{{"layer"}, {"weights", kRight}, {"MACs", kRight}};
  for (const int option : options)
    columns.push_back({fmt::format("{} bit{}", option, option == 1 ? "" : "s"), kRight});
  columns.push_back({"chosen", kRight});
  TextTable table(std::move(columns));
  for (std::size_t g = 0; g < result.space.groups.size(); ++g) {
    const experiments::SearchGroup& group = result.space.groups[g];
    for (const std::size_t i : group.layers) {
      const experiments::SearchLayer& layer = result.space.layers[i];
      std::vector<std::string> cells{layer.name, grouped(layer.weights), grouped(layer.macs)};
      for (const int option : options) {
        const auto value = result.sensitivities.find({layer.name, option});
        cells.push_back(value == result.sensitivities.end() ? "-"
                                                            : fmt::format("{:.3g}", value->second));
      }
      if (layer.searched()) {
        cells.push_back(fmt::format("{}", *result.chosen.choice[g]));
      } else {
        const std::string weight =
            layer.fixed.weight == 32 ? "fp32" : fmt::format("{}", layer.fixed.weight);
        cells.push_back(weight + ", fixed");
      }
      table.add(std::move(cells));
    }
  }
  fmt::print("{}", table.plain());
  for (const experiments::SearchGroup& group : result.space.groups) {
    if (group.layers.size() < 2 || group.options.empty()) continue;
    std::vector<std::string> names;
    for (const std::size_t i : group.layers) names.push_back(result.space.layers[i].name);
    fmt::print("same bits: {}\n", fmt::join(names, ", "));
  }
}

class PointTable {
 public:
  explicit PointTable(const SearchResult& result)
      : result_(result), verified_(result.floating.has_value()), table_(columns()) {}

  void add(const std::string& name, const SearchPoint& point) {
    std::vector<std::string> cells{name, cost_text(CostKind::size, point.bytes),
                                   fmt::format("{:.2f}", point.mean_bits),
                                   fmt::format("{:.3f}", point.bops * 1e-9)};
    if (result_.space.milliseconds) cells.push_back(fmt::format("{:.3f}", *point.milliseconds));
    cells.push_back(fmt::format("{:.4g}", point.sensitivity));
    if (verified_) {
      const auto& verified = point.verified;
      cells.push_back(
          verified && verified->sensitivity ? fmt::format("{:.4g}", *verified->sensitivity) : "-");
      cells.push_back(verified ? fmt::format("{:.2f}{}", verified->top1,
                                             verified->dominated ? " dominated" : "")
                               : "-");
    }
    table_.add(std::move(cells));
  }

  std::string text() const { return table_.plain(); }

 private:
  std::vector<TextTable::Column> columns() const {
    constexpr auto kRight = TextTable::Align::right;
    std::vector<TextTable::Column> columns{
        {"network"}, {"weights", kRight}, {"mean bits", kRight}, {"GBOPs", kRight}};
    if (result_.space.milliseconds) columns.push_back({"ms", kRight});
    columns.push_back({"predicted", kRight});
    if (verified_) {
      columns.push_back({"measured", kRight});
      columns.push_back({"top1 %"});
    }
    return columns;
  }

  const SearchResult& result_;
  bool verified_;
  TextTable table_;
};

/// Some of the front, evenly in cost, and those of it that were evaluated.
std::vector<const SearchPoint*> shown_of_front(const SearchResult& result) {
  constexpr std::size_t kShown = 10;
  const bool any_verified = std::ranges::any_of(
      result.front, [](const SearchPoint& point) { return point.verified.has_value(); });
  std::vector<const SearchPoint*> shown;
  if (any_verified) {
    for (const SearchPoint& point : result.front)
      if (point.verified) shown.push_back(&point);
  } else {
    for (const std::size_t i : spread_evenly(result.front, result.budget.kind, kShown))
      shown.push_back(&result.front[i]);
  }
  return shown;
}

void print(const experiments::RunFolder& folder, const SearchCommand& command,
           const SearchResult& result) {
  fmt::print("run folder {}\n", folder.path().string());
  fmt::print("bits of {}; sensitivity {} on {} training images\n\n", command.what,
             command.sensitivity, result.images);
  print_layers(result);
  PointTable table(result);
  table.add("chosen", result.chosen);
  for (const auto& [option, point] : result.uniform)
    table.add(fmt::format("uniform {}", option), point);
  for (const SearchPoint* point : shown_of_front(result)) table.add("front", *point);
  fmt::print("\n{}\n", table.text());
  const CostKind kind = result.budget.kind;
  fmt::print("  budget   {} {}, chosen {}\n", name_of(kind), cost_text(kind, result.limit),
             cost_text(kind, result.chosen.cost(kind)));
  fmt::print("  front    {} networks, {}\n", result.front.size(),
             (folder.path() / experiments::kFrontFile).string());
  if (result.floating)
    fmt::print("  top1     float {:.2f} %, chosen {:.2f} %  ({} images)\n", result.floating->top1(),
               result.chosen.verified->top1, result.floating->images);
  fmt::print("  config   {}\n", (folder.path() / experiments::kChosenConfig).string());
}

experiments::ExperimentConfig load_config(const SearchCommand& command) {
  std::vector<std::string> overrides = data_dir_override(command.data_dir);
  overrides.insert(overrides.end(), command.overrides.begin(), command.overrides.end());
  add_skip_bad(command.skip_bad, overrides);
  if (!command.checkpoint.empty()) overrides.push_back(checkpoint_override(command.checkpoint));
  experiments::ExperimentConfig config = experiments::load_experiment(command.config, overrides);
  if (!config.train.init_from.empty()) experiments::require_uncalibrated(config.train.init_from);
  return config;
}

/// @param folder  makes the run folder, once nothing can be refused any more
template <typename MakeFolder>
void search(const SearchCommand& command, MakeFolder folder_for) {
  const experiments::SearchOptions options = search_options(command);
  const experiments::ExperimentConfig config = load_config(command);
  apply_threads(config);
  const experiments::Data data = experiments::load_data(config);
  ProgressBar bar;
  experiments::BitSearch search(config, data, options);
  const experiments::RunFolder folder = folder_for(config);
  keep_options(command, folder.path());
  const SearchResult result = search.run(folder);
  bar.clear();
  nlohmann::json json = to_json(result);
  json["run"] = folder.path().string();
  json["config"] = (folder.path() / experiments::kChosenConfig).string();
  json["sensitivity"] = command.sensitivity;
  json["what"] = command.what;
  json["versions"] = provenance(config.train.seed);
  write_file_atomically(folder.path() / experiments::kSearchFile, json.dump(2) + "\n");
  // The search is done and saved, so a missing report is not an error.
  const std::string fault = experiments::report::write_search_report(folder.path());
  if (!fault.empty()) remark(fmt::format("quench: report.html was not made: {}", fault));
  if (command.json) {
    fmt::print("{}\n", json.dump(2));
  } else {
    print(folder, command, result);
    if (fault.empty()) fmt::print("  report   {}\n", (folder.path() / "report.html").string());
  }
}

void search_new(const SearchCommand& command) {
  require(!command.config.empty(), "search: expected a config file or --resume RUN");
  search(command, [&](const experiments::ExperimentConfig& config) {
    experiments::RunFolder folder = new_run_folder(command.run, config.name);
    describe_run(folder, config, command.command_line);
    return folder;
  });
}

void resume(SearchCommand command) {
  require(command.config.empty() && command.run.empty() && command.checkpoint.empty() &&
              command.overrides.empty(),
          "search --resume: a search resumes in its folder with its config, so it takes no config, "
          "--checkpoint, --set or --run");
  command.config = require_run(command.resume).string();
  take_options(command, command.resume);
  search(command, [&](const experiments::ExperimentConfig&) {
    return experiments::RunFolder::open(command.resume);
  });
}

}  // namespace

void add_search(Subcommand& program, std::vector<std::string> command_line) {
  Subcommand command = program.add_subcommand(
      "search", "Search the bits of each layer of a trained network within a budget");
  const auto options = std::make_shared<SearchCommand>();
  options->command_line = std::move(command_line);
  const auto given = [options](const char* key) {
    return [options, key] { options->given.insert(key); };
  };
  command.add("CONFIG", options->config, "Experiment with [quant] and, for ranges, [calibration]");
  command.add("--budget", options->budget,
              "size=250KiB, bops=1.2G, latency=3.5ms, mean_bits=4, or NAME=uniform:BITS",
              {.type_name = "NAME=VALUE", .when_given = given("budget")});
  command.add("--options", options->options, "Bits to choose from",
              {.show_default = true, .type_name = "LIST", .when_given = given("options")});
  command.add("--what", options->what, "Whose bits",
              {.show_default = true,
               .choices = {"weights", "inputs", "both"},
               .when_given = given("what")});
  command.add("--sensitivity", options->sensitivity, "What a layer's quantization costs",
              {.show_default = true,
               .choices = ptq::sensitivity_names(),
               .when_given = given("sensitivity")});
  command.add("--images", options->images, "Training images to measure sensitivities on",
              {.show_default = true, .min = 1, .max = 1e9, .when_given = given("images")});
  command.add("--latency-table", options->latency_table,
              "CSV of layer,bits,milliseconds of another machine (default: measured here)",
              {.type_name = "FILE", .when_given = given("latency_table")});
  command.add("--verify", options->verify,
              "Evaluate the chosen network and the largest uniform one within the budget");
  command.add("--verify-points", options->verify_points,
              "Evaluate all uniform networks and this many of the front, evenly in cost",
              {.min = 1, .max = 1000, .when_given = given("verify_points")});
  command.add("--checkpoint", options->checkpoint,
              "Trained weights: a run folder or a file (default: train.init_from)",
              {.type_name = "RUN|FILE"});
  command.add("--data-dir", options->data_dir, "Data set folder", {.type_name = "DIR"});
  command.add("--set", options->overrides, "Override one config key", {.type_name = "KEY=VALUE"});
  command.add("--run", options->run, "Run folder (default: runs/<config name>-<n>)",
              {.type_name = "DIR"});
  command.add("--skip-bad", options->skip_bad, kSkipBadHelp);
  command.add("--resume", options->resume,
              "Resume this search, or select again with another budget; measured values stay",
              {.type_name = "RUN"});
  command.add("--json", options->json, "Print JSON");
  command.run([options] { options->resume.empty() ? search_new(*options) : resume(*options); });
}

}  // namespace quench::cli
