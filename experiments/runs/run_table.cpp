#include "experiments/runs/run_table.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>

#include "support/error.h"
#include "support/suggest.h"
#include "support/text_table.h"

namespace quench::experiments {
namespace {

using Get = RunValue (*)(const RunSummary&);
struct Key {
  std::string_view name;
  Get get;
  bool number = false;
};

RunValue optional_number(std::optional<double> value) {
  return value ? RunValue(*value) : RunValue(std::monostate{});
}
/// Only for trained runs.
RunValue epochs(const RunSummary& run, std::int64_t value) {
  return run.state.epochs > 0 ? RunValue(value) : RunValue(std::monostate{});
}
RunValue bits(int value) { return std::int64_t{value}; }
std::optional<double> top1_quantized(const RunSummary& run) {
  return run.method == "none" ? std::nullopt : run.top1_quantized;
}

constexpr const char* kDamaged = "damaged";

std::string state_name(const RunSummary& run) {
  return run.damage.empty() ? std::string(name_of(run.state.phase)) : kDamaged;
}

constexpr std::array kKeys{
    Key{"run", [](const RunSummary& run) -> RunValue { return run.folder.string(); }},
    Key{"model", [](const RunSummary& run) -> RunValue { return run.model; }},
    Key{"data", [](const RunSummary& run) -> RunValue { return run.data; }},
    Key{"method", [](const RunSummary& run) -> RunValue { return run.method; }},
    Key{"weight_bits", [](const RunSummary& run) { return bits(run.weight_bits); }, true},
    Key{"activation_bits", [](const RunSummary& run) { return bits(run.activation_bits); }, true},
    Key{"top1_quantized",
        [](const RunSummary& run) { return optional_number(top1_quantized(run)); }, true},
    Key{"top1_float", [](const RunSummary& run) { return optional_number(run.top1_float); }, true},
    Key{"epoch", [](const RunSummary& run) { return epochs(run, run.state.epoch); }, true},
    Key{"epochs", [](const RunSummary& run) { return epochs(run, run.state.epochs); }, true},
    Key{"started", [](const RunSummary& run) -> RunValue { return run.state.started; }},
    Key{"updated", [](const RunSummary& run) -> RunValue { return run.state.updated; }},
    Key{"state", [](const RunSummary& run) -> RunValue { return state_name(run); }},
};

const Key& key_named(const std::string& name) {
  const auto found = std::ranges::find(kKeys, name, &Key::name);
  require(found != kKeys.end(), "runs: unknown key '{}'{}", name, suggestion(name, run_keys()));
  return *found;
}

bool is_time(const std::string& key) { return key == "started" || key == "updated"; }

template <typename T>
bool holds(const T& a, const std::string& relation, const T& b) {
  if (relation == "=") return a == b;
  if (relation == "!=") return a != b;
  if (relation == "<") return a < b;
  if (relation == "<=") return a <= b;
  if (relation == ">") return a > b;
  return a >= b;
}

/// Whether `text`, "2026-11-22T02:22:10Z" or a prefix of it, has a valid month, day and time.
bool is_on_calendar(const std::string& text) {
  const auto number = [&text](std::size_t at, std::size_t digits, int otherwise) {
    return at < text.size() ? std::stoi(text.substr(at, digits)) : otherwise;
  };
  using std::chrono::day, std::chrono::month, std::chrono::year;
  const auto date = year(number(0, 4, 0)) / month(static_cast<unsigned>(number(5, 2, 1))) /
                    day(static_cast<unsigned>(number(8, 2, 1)));
  return date.ok() && number(11, 2, 0) < 24 && number(14, 2, 0) < 60 && number(17, 2, 0) < 60;
}

void require_time(const std::string& filter, const std::string& text) {
  constexpr std::string_view kForm = "0000-00-00T00:00:00Z";
  constexpr std::array<std::size_t, 6> kParts{4, 7, 10, 16, 19, 20};
  bool good = std::ranges::find(kParts, text.size()) != kParts.end();
  for (std::size_t i = 0; good && i < text.size(); ++i)
    good = kForm[i] == '0' ? text[i] >= '0' && text[i] <= '9' : text[i] == kForm[i];
  good = good && is_on_calendar(text);
  require(good,
          "runs --filter: {}: expected a time (UTC) such as 2026-11-22 or 2026-11-22T02:22, got "
          "'{}'",
          filter, text);
}

void require_state(const std::string& filter, const std::string& text) {
  std::vector<std::string> states{kDamaged};
  for (const RunPhase phase :
       {RunPhase::running, RunPhase::done, RunPhase::stopped, RunPhase::killed, RunPhase::failed})
    states.emplace_back(name_of(phase));
  require(std::ranges::find(states, text) != states.end(),
          "runs --filter: {}: expected a state, got '{}'{}", filter, text,
          suggestion(text, states));
}

std::string bits_text(const RunSummary& run) {
  return run.method == "none" ? "fp32"
                              : fmt::format("{} / {}", run.weight_bits, run.activation_bits);
}

std::string percent(const std::optional<double>& value) {
  return value ? fmt::format("{:.2f}", *value) : "";
}

/// "2026-11-22 02:22" for "2026-11-22T02:22:10Z".
std::string minute_of(std::string time) {
  constexpr std::size_t kMinutes = 16, kT = 10;
  if (time.size() < kMinutes) return time;
  time.resize(kMinutes);
  time[kT] = ' ';
  return time;
}

}  // namespace

const std::vector<std::string>& run_keys() {
  static const std::vector<std::string> keys = [] {
    std::vector<std::string> names;
    for (const Key& key : kKeys) names.emplace_back(key.name);
    return names;
  }();
  return keys;
}

RunValue value_of(const RunSummary& run, const std::string& key) {
  const Key& found = key_named(key);
  // Only these are known for a damaged folder.
  if (!run.damage.empty() && key != "run" && key != "state") return std::monostate{};
  return found.get(run);
}

RunFilter::RunFilter(const std::string& text) {
  const std::size_t begin = text.find_first_of("=<>!");
  require(begin != std::string::npos && begin > 0,
          "runs --filter: expected key=value, key<value or key>value, got '{}'", text);
  const std::size_t end = text.find_first_not_of("=<>!", begin);
  key_ = text.substr(0, begin);
  operator_ = text.substr(begin, end == std::string::npos ? end : end - begin);
  const std::string value = end == std::string::npos ? "" : text.substr(end);
  constexpr std::array<std::string_view, 6> kOperators{"=", "!=", "<", "<=", ">", ">="};
  require(std::ranges::find(kOperators, operator_) != kOperators.end(),
          "runs --filter: {}: expected =, !=, <, <=, > or >=, got '{}'", text, operator_);
  if (!key_named(key_).number) {
    require(operator_ == "=" || operator_ == "!=" || is_time(key_),
            "runs --filter: {}: strings have no order: expected = or !=, got '{}'", text,
            operator_);
    if (is_time(key_)) require_time(text, value);
    if (key_ == "state") require_state(text, value);
    value_ = value;
    return;
  }
  double number = 0.0;
  const auto result = std::from_chars(value.data(), value.data() + value.size(), number);
  require(result.ec == std::errc{} && result.ptr == value.data() + value.size() &&
              std::isfinite(number),
          "runs --filter: {}: expected a number, got '{}'", text, value);
  value_ = number;
}

bool RunFilter::accepts(const RunSummary& run) const {
  const auto compare = [this](const auto& value) {
    using Value = std::decay_t<decltype(value)>;
    if constexpr (std::is_same_v<Value, std::monostate>) {
      return false;
    } else if constexpr (std::is_same_v<Value, std::string>) {
      const auto& wanted = std::get<std::string>(value_);
      return holds(is_time(key_) ? value.substr(0, wanted.size()) : value, operator_, wanted);
    } else {
      return holds(static_cast<double>(value), operator_, std::get<double>(value_));
    }
  };
  return std::visit(compare, value_of(run, key_));
}

void sort_runs(std::vector<RunSummary>& runs, const std::string& key, bool reversed) {
  const bool largest_first = (key_named(key).number || is_time(key)) != reversed;
  std::ranges::stable_sort(runs, [&](const RunSummary& a, const RunSummary& b) {
    const RunValue left = value_of(a, key), right = value_of(b, key);
    const bool known = left.index() != 0, other_known = right.index() != 0;
    if (!known || !other_known) return known && !other_known;
    return largest_first ? left > right : left < right;
  });
}

std::string runs_text(std::span<const RunSummary> runs) {
  using Align = TextTable::Align;
  TextTable table({{"run"},
                   {"model"},
                   {"data"},
                   {"method"},
                   {"bits w / a", Align::right},
                   {"quantized %", Align::right},
                   {"float %", Align::right},
                   {"epochs", Align::right},
                   {"started (UTC)"},
                   {"state"}});
  std::string notes;
  for (const RunSummary& run : runs) {
    const std::string folder = run.folder.string();
    const std::string& message = run.damage.empty() ? run.state.message : run.damage;
    if (!message.empty()) notes += fmt::format("\n{}: {}", folder, message);
    if (!run.damage.empty()) {
      table.add({folder, "", "", "", "", "", "", "", "", kDamaged});
      continue;
    }
    table.add({folder, run.model, run.data, run.method, bits_text(run),
               percent(top1_quantized(run)), percent(run.top1_float),
               run.state.epochs == 0 ? "" : fmt::format("{}/{}", run.state.epoch, run.state.epochs),
               minute_of(run.state.started), state_name(run)});
  }
  return table.plain() + (notes.empty() ? "" : notes + "\n");
}

std::string runs_json(std::span<const RunSummary> runs) {
  using Json = nlohmann::ordered_json;
  Json list = Json::array();
  for (const RunSummary& run : runs) {
    Json entry;
    for (const std::string& key : run_keys()) {
      std::visit(
          [&](const auto& value) {
            if constexpr (std::is_same_v<std::decay_t<decltype(value)>, std::monostate>) {
              entry[key] = nullptr;
            } else {
              entry[key] = value;
            }
          },
          value_of(run, key));
    }
    entry["message"] = run.damage.empty() ? run.state.message : run.damage;
    list.push_back(std::move(entry));
  }
  return list.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace quench::experiments
