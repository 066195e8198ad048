#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/suggest.h"
#include "datasets/registry.h"
#include "examples/quench/command.h"
#include "layers/models/registry.h"
#include "quant/registry.h"
#include "train/lr_schedule.h"
#include "train/optimizer.h"

namespace quench::command {
namespace {

using Rows = std::vector<std::pair<std::string, std::string>>;

template <typename Entries, typename Text>
Rows rows(const Entries& entries, Text text) {
  Rows result;
  for (const auto& entry : entries) result.emplace_back(entry.name, std::invoke(text, entry));
  return result;
}

struct Section {
  std::string name;
  Rows (*rows)();
};

const std::vector<Section>& sections() {
  static const std::vector<Section> table{
      {"quantizers",
       [] { return rows(quant::registered_quantizers(), &quant::StrategyInfo::summary); }},
      {"models", [] { return rows(models::registered_models(), &models::ModelInfo::summary); }},
      {"datasets",
       [] { return rows(datasets::known_datasets(), &datasets::DatasetEntry::description); }},
      {"optimizers",
       [] { return rows(train::registered_optimizers(), &train::OptimizerInfo::summary); }},
      {"schedules",
       [] { return rows(train::registered_schedules(), &train::ScheduleInfo::summary); }},
  };
  return table;
}

void print(const Section& section) {
  fmt::print("{}\n", section.name);
  const Rows entries = section.rows();
  std::size_t width = 0;
  for (const auto& [name, summary] : entries) width = std::max(width, name.size());
  for (const auto& [name, summary] : entries) fmt::print("  {:<{}}  {}\n", name, width, summary);
}

}  // namespace

void add_list(CLI::App& app) {
  CLI::App* list = app.add_subcommand(
      "list", "Quantizers, models, datasets, optimizers, schedules that a config can name");
  const auto wanted = std::make_shared<std::string>();
  std::vector<std::string> names;
  for (const Section& section : sections()) names.push_back(section.name);
  list->add_option("what", *wanted, "One of them");
  list->callback([wanted, names] {
    const bool known = wanted->empty() || std::ranges::find(names, *wanted) != names.end();
    require(known, "list: expected no word or one that it lists, got '{}'{}", *wanted,
            suggestion(*wanted, names));
    for (const Section& section : sections()) {
      if (wanted->empty() || *wanted == section.name) print(section);
    }
  });
}

}  // namespace quench::command
