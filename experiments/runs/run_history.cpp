#include "experiments/runs/run_history.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <span>

#include "support/error.h"
#include "support/file.h"
#include "support/strict_json.h"

namespace quench::experiments {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kMaxHistoryDepth = 5;  // {resumed: [{changes: [{..}]}]}

Json changes_json(const std::vector<KeyChange>& changes) {
  Json json = Json::array();
  for (const KeyChange& change : changes)
    json.push_back({{"key", change.key}, {"from", change.from}, {"to", change.to}});
  return json;
}

Json part_json(const RunPart& part) {
  Json json{{"epoch", part.epoch},
            {"step", part.step},
            {"started", part.started},
            {"checkpoint", part.checkpoint},
            {"changes", changes_json(part.changes)}};
  json.update(Json::parse(versions_text(part.versions)));
  return json;
}

RunPart part_from(const nlohmann::json& json) {
  RunPart part{.epoch = integer_from<std::int64_t>(json.at("epoch"), "epoch"),
               .step = integer_from<std::int64_t>(json.at("step"), "step"),
               .started = json.at("started"),
               .checkpoint = json.at("checkpoint"),
               .changes = {},
               .versions = versions_from_text(json.dump())};
  for (const nlohmann::json& change : json.at("changes"))
    part.changes.push_back({change.at("key"), change.at("from"), change.at("to")});
  return part;
}

std::pair<std::int64_t, std::int64_t> start_of(const RunPart& part) {
  return {part.epoch, part.step};
}

}  // namespace

std::string history_text(const RunHistory& history) {
  Json json = Json::parse(versions_text(history.parts.front().versions));
  json["started"] = history.parts.front().started;
  json["config"] = history.config;
  for (const RunPart& part : std::span(history.parts).subspan(1))
    json["resumed"].push_back(part_json(part));
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

RunHistory history_from_text(const std::string& text) {
  try {
    const nlohmann::json json =
        parse_strict_json(std::as_bytes(std::span(text)), kMaxHistoryDepth, "versions");
    RunHistory history;
    // Files of quench 0.1 have only the versions.
    history.config = json.value("config", "");
    history.parts.push_back(
        {.started = json.value("started", ""), .versions = versions_from_text(text)});
    if (!json.contains("resumed")) return history;
    for (const nlohmann::json& part : json.at("resumed")) history.parts.push_back(part_from(part));
    return history;
  } catch (const nlohmann::json::exception& error) {
    fail("versions: expected the JSON of a versions.json, got {}", error.what());
  }
}

void write_history(const std::filesystem::path& path, const RunHistory& history) {
  write_file_atomically(path, history_text(history));
}

RunHistory read_history(const std::filesystem::path& path) {
  const std::string text = read_text(path);
  try {
    return history_from_text(text);
  } catch (const std::runtime_error& error) {
    fail("{}: {}", path.string(), error.what());
  }
}

std::vector<std::string> config_of_part(const RunHistory& history, std::size_t index) {
  std::map<std::string, std::string> values;
  // Backwards, so that the first change to a key after `index` is applied last.
  for (std::size_t i = history.parts.size(); i-- > index + 1;)
    for (const KeyChange& change : history.parts[i].changes) values[change.key] = change.from;
  std::vector<std::string> overrides;
  for (const auto& [key, value] : values) overrides.push_back(fmt::format("{}={}", key, value));
  return overrides;
}

std::vector<TrainedPart> trained_parts(const RunHistory& history) {
  std::vector<TrainedPart> result;
  const RunPart* next = nullptr;
  for (std::size_t i = history.parts.size(); i-- > 0;) {
    const RunPart& part = history.parts[i];
    if (next != nullptr && start_of(part) >= start_of(*next)) continue;
    result.push_back(
        next == nullptr
            ? TrainedPart{.index = i}
            : TrainedPart{.index = i, .end_epoch = next->epoch, .end_step = next->step});
    next = &part;
  }
  std::ranges::reverse(result);
  return result;
}

}  // namespace quench::experiments
