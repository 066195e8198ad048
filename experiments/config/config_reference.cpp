#include "experiments/config/config_reference.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <functional>
#include <stdexcept>
#include <tuple>

#include "core/random.h"
#include "datasets/registry.h"
#include "experiments/config/config.h"
#include "experiments/config/config_file.h"
#include "layers/models/registry.h"
#include "ptq/reconstruction/options.h"
#include "quant/policy.h"
#include "quant/registry.h"

namespace quench::experiments {
namespace {

constexpr std::array<std::string_view, 9> kOrder{
    "", "model", "data", "quant", "optimizer", "schedule", "train", "distill", "calibration"};

using Keys = std::vector<SettingInfo>;

/// The keys that readers read for one data set or network.
struct Variant {
  std::string name;
  Keys keys;
};

/// Adds keys that are new; where two readers differ, the later counts.
void add(Keys& keys, const Keys& more) {
  for (const SettingInfo& info : more) {
    const auto known = std::ranges::find(keys, info.key, &SettingInfo::key);
    if (known == keys.end()) {
      keys.push_back(info);
    } else {
      *known = info;
    }
  }
}

/// The config that has every table whose keys are read only where the table is, and in it every key that
/// is read only where it is given.
Keys keys_of_all() {
  const std::string operand = "method = \"none\", bits = 8";
  const std::string rule = operand + ", granularity = \"auto\", weight = {" + operand +
                           ", granularity = \"auto\"}, activation = {" + operand + "}";
  const Settings settings = parse_settings(fmt::format(R"(
extends = "base.toml"
model.onnx = "net.onnx"
distill.teacher = "runs/teacher"
calibration = {{}}
[quant]
method = "none"
bits = 8
granularity = "auto"
weight = {{{0}, granularity = "auto"}}
activation = {{{0}}}
depthwise = {{{1}}}
first_layer = {{{1}}}
last_layer = {{{1}}}
residual = {{{0}, shared = true}}
pool = {{{0}}}
product = {{{0}}}
function = {{{0}}}
override = [{{match = "*", {1}}}]
)",
                                                       operand, rule),
                                           "config");
  extended_file(settings);
  read_experiment(settings, "config");
  const quant::Policy policy(settings.table("quant"));
  return settings.keys_read();
}

/// The table of a method, which may read other keys for weights than for activations, or at 1 bit.
Keys keys_of_method(const std::string& name) {
  Settings quant;
  quant = quant.make_table("quant", "config");
  const quant::Strategy& strategy = quant::find_strategy(name, "config");
  for (const quant::Role role : {quant::Role::activation, quant::Role::weight}) {
    const quant::BitRange range = strategy.info.bits(role);
    for (int bits = range.min; bits <= range.max && range.max > 0; ++bits) {
      try {
        quant::make_quantizer({.strategy = &strategy,
                               .role = role,
                               .bits = bits,
                               .granularity = strategy.info.granularity_of(role),
                               .slot = "config",
                               .settings = quant.table(name)});
      } catch (const std::invalid_argument&) {
        // Bits that the method's defaults do not fit. Others read the same keys.
      }
    }
  }
  return quant.keys_read();
}

Keys keys_of_dataset(const std::string& name, std::size_t channels) {
  const std::vector<double> ones(channels, 1.0);
  const auto read = [&](std::initializer_list<Settings::Entry> entries) {
    Settings settings;
    Settings data = settings.make_table("data", "config");
    data.merge(Settings::from(entries));
    read_data(data);
    return data.keys_read();
  };
  Keys keys = read({{"name", name}, {"mean", ones}, {"std", ones}});
  add(keys, read({{"name", name}, {"random_crop", true}}));
  return keys;
}

Keys keys_of_model(const std::string& name) {
  // Networks that can be narrow are built sooner, and read the same keys.
  const Settings settings =
      Settings::from({{"model", Settings::from({{"name", name}, {"width", 0.01}})}});
  Settings model = read_experiment(settings, "config").model.settings;
  Random random(0, "config");
  layers::models::make_model(name, model, {}, random);
  return model.keys_read();
}

Keys keys_of_reconstruction(const std::string& method) {
  const Settings settings = Settings::from(
      {{"calibration", Settings::from({{"reconstruct", method}, {"bias_correction", "none"}})}});
  read_calibration(settings, 1);
  return settings.keys_read();
}

/// 'name = "mnist", "fashion_mnist"' for those that read exactly this; empty for all.
std::string condition_of(const SettingInfo& info, const std::vector<Variant>& variants) {
  std::vector<std::string> names;
  for (const Variant& variant : variants) {
    if (std::ranges::find(variant.keys, info) != variant.keys.end())
      names.push_back(fmt::format("\"{}\"", variant.name));
  }
  return names.size() == variants.size() ? "" : fmt::format("name = {}", fmt::join(names, ", "));
}

/// A table for each group of variants that share a key, its default and what it accepts.
std::vector<ConfigTable> tables_of(const std::string& name, const std::vector<Variant>& variants) {
  std::vector<ConfigTable> tables;
  for (const Variant& variant : variants) {
    for (const SettingInfo& info : variant.keys) {
      const std::string condition = condition_of(info, variants);
      auto table = std::ranges::find(tables, condition, &ConfigTable::condition);
      if (table == tables.end())
        table = tables.insert(table, {.names = {name}, .condition = condition, .keys = {}});
      if (std::ranges::find(table->keys, info) == table->keys.end()) table->keys.push_back(info);
    }
  }
  for (ConfigTable& table : tables) {
    for (SettingInfo& info : table.keys) info.key = info.key.substr(name.size() + 1);
    std::ranges::sort(table.keys, {}, &SettingInfo::key);
  }
  return tables;
}

/// "quant.lsq" of "quant.lsq.window".
std::string table_of(const std::string& key) {
  const std::size_t dot = key.rfind('.');
  return dot == std::string::npos ? "" : key.substr(0, dot);
}

/// One table for each in which keys lie; those with the same keys are one.
std::vector<ConfigTable> tables_of(const Keys& keys) {
  std::vector<ConfigTable> tables;
  std::vector<std::string> names;
  for (const SettingInfo& info : keys) {
    if (std::ranges::find(names, table_of(info.key)) == names.end())
      names.push_back(table_of(info.key));
  }
  for (const std::string& name : names) {
    ConfigTable table{.names = {name}, .condition = "", .keys = {}};
    for (SettingInfo info : keys) {
      if (table_of(info.key) != name) continue;
      info.key = info.key.substr(name.empty() ? 0 : name.size() + 1);
      table.keys.push_back(info);
    }
    std::ranges::sort(table.keys, {}, &SettingInfo::key);
    const auto known = std::ranges::find(tables, table.keys, &ConfigTable::keys);
    if (known == tables.end()) {
      tables.push_back(table);
    } else {
      known->names.push_back(name);
    }
  }
  return tables;
}

/// Tables as a config usually has them, rules before the tables of methods, conditions last.
auto place(const ConfigTable& table) {
  const std::string& name = table.names.front();
  const std::string top = name.substr(0, name.find('.'));
  const std::vector<std::string> methods = quant::quantizer_names();
  const bool is_method = top == "quant" && name.size() > top.size() &&
                         std::ranges::find(methods, name.substr(top.size() + 1)) != methods.end();
  return std::tuple(std::ranges::find(kOrder, top) - kOrder.begin(), is_method, name,
                    !table.condition.empty());
}

}  // namespace

std::vector<ConfigTable> config_reference() {
  std::vector<Variant> sets, networks;
  for (const datasets::DatasetEntry& set : datasets::known_datasets())
    sets.push_back({set.name, keys_of_dataset(set.name, static_cast<std::size_t>(set.channels))});
  for (const layers::models::ModelInfo& model : layers::models::registered_models())
    networks.push_back({model.name, keys_of_model(model.name)});

  Keys keys, of_graph;
  for (const std::string& method : ptq::reconstruction_methods())
    add(keys, keys_of_reconstruction(method));
  for (const SettingInfo& info : keys_of_all()) {
    const std::string table = table_of(info.key);
    if (table == "data") continue;  // of one set; all sets follow
    add(table == "model" ? of_graph : keys, {info});
  }
  for (const std::string& name : quant::quantizer_names()) add(keys, keys_of_method(name));

  std::vector<ConfigTable> tables = tables_of(keys);
  const auto append = [&tables](const std::vector<ConfigTable>& more) {
    tables.insert(tables.end(), more.begin(), more.end());
  };
  append(tables_of("data", sets));
  append(tables_of("model", networks));
  append(tables_of("model", {{"graph", of_graph}}));
  tables.back().condition = "onnx = \"FILE\"";
  std::ranges::stable_sort(tables, {}, place);
  return tables;
}

}  // namespace quench::experiments
