#include "experiments/runs/epoch_metrics.h"

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <string_view>
#include <variant>

#include "support/error.h"
#include "support/file.h"

namespace quench::experiments {
namespace {

using Json = nlohmann::ordered_json;  // keeps the order of keys: layers in the network's order

constexpr const char* kWallTime = "wall_time";
constexpr const char* kLayers = "layers";
constexpr const char* kClassesKey = "classes";
constexpr const char* kQuantized = "quantized";  // key of a class
constexpr const char* kFloat = "float";

/// The value for a message; nested ones would be too long.
std::string text_of(const Json& json) {
  return json.is_structured() && !json.empty() ? std::string("a JSON ") + json.type_name()
                                               : json.dump();
}

/// Both read from a file that may be damaged; `where` is "file:line: key".
void read(const Json& json, const std::string& where, std::int64_t& value) {
  constexpr double kExact = 0x1p53;
  if (!json.is_number_integer() || std::abs(json.get<double>()) > kExact)
    fail("{}: expected an integer, got {}", where, text_of(json));
  value = json.get<std::int64_t>();
}

void read(const Json& json, const std::string& where, double& value) {
  if (!json.is_number() && !json.is_null())
    fail("{}: expected a number or null, got {}", where, text_of(json));
  value = json.is_null() ? std::numeric_limits<double>::quiet_NaN() : json.get<double>();
}

/// `where` is "file:line".
const Json& member(const Json& object, std::string_view key, const std::string& where) {
  const auto found = object.find(key);
  if (found == object.end()) fail("{}: {} is missing", where, key);
  return *found;
}

void require_object(const Json& json, const std::string& where) {
  if (!json.is_object()) fail("{}: expected a JSON object, got a {}", where, json.type_name());
}

LayerMetrics parse_layers(const Json& layers, const std::string& where) {
  require_object(layers, where);
  LayerMetrics result;
  for (const auto& [slot, values] : layers.items()) {
    const std::string location = fmt::format("{}: {}", where, slot);
    require_object(values, location);
    SlotMetrics& metrics = result.emplace_back(SlotMetrics{slot, {}});
    for (const auto& [name, value] : values.items()) {
      metrics.values.emplace_back(name, 0.0);
      read(value, fmt::format("{}: {}", location, name), metrics.values.back().second);
    }
  }
  return result;
}

std::vector<ClassAccuracy> parse_classes(const Json& classes, const std::string& where) {
  require_object(classes, where);
  std::vector<ClassAccuracy> result;
  for (const auto& [name, values] : classes.items()) {
    const std::string location = fmt::format("{}: {}", where, name);
    require_object(values, location);
    ClassAccuracy& accuracy = result.emplace_back(ClassAccuracy{.name = name});
    read(member(values, kQuantized, location), location + ": " + kQuantized, accuracy.quantized);
    read(member(values, kFloat, location), location + ": " + kFloat, accuracy.floating);
  }
  return result;
}

Json parse_json(std::string_view line, const std::string& where) {
  // Rejected while parsing: even copying JSON of unlimited depth would overflow the stack.
  constexpr int kMaxDepth = 3;  // {layers: {slot: {..}}}
  const auto check_depth = [&](int depth, Json::parse_event_t, const Json&) {
    if (depth > kMaxDepth) fail("{}: expected JSON of at most {} levels", where, kMaxDepth);
    return true;
  };
  try {
    return Json::parse(line, check_depth);
  } catch (const Json::exception& error) {
    fail("{}: expected a JSON object: {}", where, error.what());
  }
}

EpochMetrics parse_line(std::string_view line, const std::string& where) {
  const Json json = parse_json(line, where);
  require_object(json, where);
  EpochMetrics metrics;
  for (const MetricsColumn& column : metrics_columns()) {
    if (column.since_0_2 && !json.contains(column.name)) continue;
    const Json& value = member(json, column.name, where);
    const std::string location = fmt::format("{}: {}", where, column.name);
    std::visit([&](auto field) { read(value, location, metrics.row.*field); }, column.member);
  }
  read(member(json, kWallTime, where), fmt::format("{}: {}", where, kWallTime), metrics.wall_time);
  metrics.layers =
      parse_layers(member(json, kLayers, where), fmt::format("{}: {}", where, kLayers));
  if (const auto classes = json.find(kClassesKey); classes != json.end())
    metrics.classes = parse_classes(*classes, fmt::format("{}: {}", where, kClassesKey));
  return metrics;
}

}  // namespace

std::string line_of(const EpochMetrics& metrics) {
  Json json;
  for (const MetricsColumn& column : metrics_columns()) {
    std::visit([&](auto field) { json[std::string(column.name)] = metrics.row.*field; },
               column.member);
  }
  json[kWallTime] = metrics.wall_time;
  json[kLayers] = Json::object();
  for (const SlotMetrics& slot : metrics.layers) {
    Json& values = json[kLayers][slot.slot] = Json::object();
    for (const auto& [name, value] : slot.values) values[name] = value;
  }
  json[kClassesKey] = Json::object();
  for (const ClassAccuracy& accuracy : metrics.classes)
    json[kClassesKey][accuracy.name] = {{kQuantized, accuracy.quantized},
                                        {kFloat, accuracy.floating}};
  // A class may be named after a folder whose name is not valid UTF-8.
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::vector<EpochMetrics> read_epoch_metrics(const std::filesystem::path& path) {
  const std::string text = read_text(path);
  std::string_view rest = text;
  std::vector<EpochMetrics> epochs;
  for (int number = 1;; ++number) {
    const std::size_t end = rest.find('\n');
    if (end == std::string_view::npos) return epochs;
    epochs.push_back(parse_line(rest.substr(0, end), fmt::format("{}:{}", path.string(), number)));
    rest.remove_prefix(end + 1);
  }
}

}  // namespace quench::experiments
