#include <fmt/format.h>

#include <functional>
#include <string>
#include <vector>

#include "cli/command.h"
#include "cli/list_config.h"
#include "cli/parts/environment.h"
#include "cli/parts/recipes.h"
#include "datasets/registry.h"
#include "layers/models/registry.h"
#include "ptq/calibrator.h"
#include "quant/registry.h"
#include "support/error.h"
#include "support/text_table.h"
#include "train/lr_schedule.h"
#include "train/optimizer.h"

namespace quench::cli {
namespace {

template <typename Entries, typename Text>
TextTable table_of(const Entries& entries, Text text) {
  TextTable table({{"name"}, {"what it is"}});
  for (const auto& entry : entries) table.add({entry.name, std::invoke(text, entry)});
  return table;
}

std::string bits_text(quant::BitRange bits) {
  return bits.min == bits.max ? std::to_string(bits.min)
                              : fmt::format("{} to {}", bits.min, bits.max);
}

/// Lists the default first.
std::string granularity_text(const quant::StrategyInfo& info) {
  if (!info.has(quant::Role::weight)) return "-";
  if (!info.per_channel) return "tensor";
  return info.granularity == quant::Granularity::per_channel ? "channel, tensor"
                                                             : "tensor, channel";
}

TextTable quantizer_table() {
  TextTable table({{"method"},
                   {"what it does"},
                   {"weights, bits"},
                   {"activations, bits"},
                   {"granularity of weights"},
                   {"trained parameters"},
                   {"paper"}});
  for (const quant::StrategyInfo& info : quant::registered_quantizers()) {
    const auto bits = [&info](quant::Role role) -> std::string {
      if (info.has(role)) return bits_text(info.bits(role));
      return info.partner == "none" ? "-" : fmt::format("by {}", info.partner);
    };
    table.add({info.name, info.summary, bits(quant::Role::weight), bits(quant::Role::activation),
               granularity_text(info), info.trains.empty() ? "-" : info.trains,
               info.paper.empty() ? "-" : info.paper});
  }
  return table;
}

TextTable recipe_table() {
  TextTable table({{"recipe"}, {"what it is"}, {"result"}});
  for (const Recipe& recipe : recipes()) table.add({recipe.name, recipe.summary, recipe.result});
  return table;
}

TextTable environment_table() {
  TextTable table({{"variable"}, {"values"}, {"effect"}});
  for (const EnvironmentVariable& variable : environment_variables())
    table.add(
        {std::string(variable.name), std::string(variable.values), std::string(variable.effect)});
  return table;
}

struct Section {
  std::string name;
  TextTable (*table)();
};

const std::vector<Section>& sections() {
  static const std::vector<Section> table{
      {"quantizers", quantizer_table},
      {"calibrators",
       [] { return table_of(ptq::registered_calibrators(), &ptq::CalibratorInfo::summary); }},
      {"models",
       [] {
         return table_of(layers::models::registered_models(), &layers::models::ModelInfo::summary);
       }},
      {"datasets",
       [] { return table_of(datasets::known_datasets(), &datasets::DatasetEntry::description); }},
      {"optimizers",
       [] { return table_of(train::registered_optimizers(), &train::OptimizerInfo::summary); }},
      {"schedules",
       [] { return table_of(train::registered_schedules(), &train::ScheduleInfo::summary); }},
      {"recipes", recipe_table},
      {"environment", environment_table},
  };
  return table;
}

/// Not one table but many, and too long to come with the others.
constexpr const char* kConfig = "config";

struct ListOptions {
  std::string what;
  std::string table;  // of the config
  bool markdown = false;
};

void list(const ListOptions& options) {
  if (options.what == kConfig) return list_config(options.table, options.markdown);
  require(options.table.empty(), "list {}: expected no further argument, got '{}'", options.what,
          options.table);
  for (const Section& section : sections()) {
    if (!options.what.empty() && options.what != section.name) continue;
    const TextTable table = section.table();
    if (options.what.empty()) fmt::print("{}\n\n", section.name);
    fmt::print("{}", options.markdown ? table.markdown() : table.plain());
    if (options.what.empty()) fmt::print("\n");
  }
}

}  // namespace

void add_list(Subcommand& program) {
  Subcommand command = program.add_subcommand(
      "list",
      "List what configs can name, all keys of a config, recipes and environment variables");
  const auto options = std::make_shared<ListOptions>();
  std::vector<std::string> names;
  for (const Section& section : sections()) names.push_back(section.name);
  names.emplace_back(kConfig);
  command.add("WHAT", options->what, "What to list (default: all but config)", {.choices = names});
  command.add("TABLE", options->table, "A table of the config, e.g. train or quant.lsq");
  command.add("--markdown", options->markdown, "Print Markdown");
  command.run([options] { list(*options); });
}

}  // namespace quench::cli
