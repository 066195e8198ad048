#include "support/settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "support/error.h"
#include "support/settings_tree.h"
#include "support/suggest.h"

namespace quench {
namespace {

template <typename Number, typename Limits>
std::string describe(const char* noun, const char* plain_noun, const Limits& range, Number lowest,
                     Number highest, bool min_excluded, bool max_excluded) {
  const bool has_min = range.min > lowest, has_max = range.max < highest;
  const char* above = min_excluded ? ">" : ">=";
  const char* below = max_excluded ? "<" : "<=";
  if (!has_min && !has_max) return plain_noun;
  if (!has_max) return fmt::format("{} {} {}", noun, above, range.min);
  if (!has_min) return fmt::format("{} {} {}", noun, below, range.max);
  if (min_excluded || max_excluded)
    return fmt::format("{} {} {} and {} {}", noun, above, range.min, below, range.max);
  return fmt::format("{} in {}..{}", noun, range.min, range.max);
}

std::string describe(const Range& range) {
  const double infinity = std::numeric_limits<double>::infinity();
  return describe("a number", "a finite number", range, -infinity, infinity, range.min_excluded,
                  range.max_excluded);
}

std::string describe(const IntRange& range) {
  using Limits = std::numeric_limits<std::int64_t>;
  return describe("an integer", "an integer", range, Limits::min(), Limits::max(), false, false);
}

std::string describe(const std::vector<std::string>& allowed) {
  std::string text = "one of ";
  for (const std::string& name : allowed)
    text += (&name == allowed.data() ? "" : ", ") + settings_text(name);
  return text;
}

constexpr const char* kBoolean = "true or false";
constexpr const char* kText = "a quoted string";

std::optional<double> read_number(const SettingsValue& value, const Range& range) {
  double number = 0.0;
  if (const auto* integer = std::get_if<std::int64_t>(&value.data)) {
    number = static_cast<double>(*integer);
  } else if (const auto* real = std::get_if<double>(&value.data)) {
    number = *real;
  } else {
    return std::nullopt;
  }
  const bool above_min = range.min_excluded ? number > range.min : number >= range.min;
  const bool below_max = range.max_excluded ? number < range.max : number <= range.max;
  if (!std::isfinite(number) || !above_min || !below_max) return std::nullopt;
  return number;
}

std::optional<std::int64_t> read_integer(const SettingsValue& value, const IntRange& range) {
  const auto* integer = std::get_if<std::int64_t>(&value.data);
  if (integer == nullptr || *integer < range.min || *integer > range.max) return std::nullopt;
  return *integer;
}

template <typename T>
std::optional<T> read_as(const SettingsValue& value) {
  const T* typed = std::get_if<T>(&value.data);
  return typed == nullptr ? std::nullopt : std::optional<T>(*typed);
}

}  // namespace

SettingsValue::SettingsValue(const Settings& table) : data(table.table_) {}

Settings::Settings() : table_(std::make_shared<SettingsTable>()) {}
Settings::Settings(std::shared_ptr<SettingsTable> table, std::string path)
    : table_(std::move(table)), path_(std::move(path)) {}

Settings Settings::from(std::initializer_list<Entry> entries) {
  Settings result;
  for (const auto& [key, value] : entries) result.set(key, value);
  return result;
}

const SettingsValue* Settings::ask(std::string_view key) const {
  table_->asked.try_emplace(std::string(key));
  return find(key);
}

const SettingsValue* Settings::ask(const SettingKey& key, std::string_view accepts) const {
  AskedKey& asked = table_->asked[std::string(key.name)];
  // What a later read says without a meaning of its own is less: a second look at the same key.
  if (asked.accepts.empty() || !key.meaning.empty()) asked.accepts = accepts;
  if (!key.meaning.empty()) asked.meaning = key.meaning;
  return find(key.name);
}

const SettingsValue& Settings::demand(const SettingKey& key, std::string_view accepts) const {
  const SettingsValue* value = ask(key, accepts);
  if (value == nullptr) reject(key.name, accepts);
  return *value;
}

void Settings::wrong(std::string_view key, const SettingsValue& value,
                     std::string_view expected) const {
  throw std::invalid_argument(fmt::format("{}: {}: expected {}, got {}",
                                          value.origin.empty() ? origin(key) : value.origin,
                                          full_key(key), expected, settings_text(value)));
}

void Settings::reject(std::string_view key, std::string_view expected) const {
  if (const SettingsValue* value = find(key)) wrong(key, *value, expected);
  const auto fallback = table_->defaults.find(key);
  const std::string got = fallback == table_->defaults.end()
                              ? "nothing (the key is missing)"
                              : settings_text(fallback->second) + " (the default)";
  throw std::invalid_argument(
      fmt::format("{}: {}: expected {}, got {}", origin(), full_key(key), expected, got));
}

template <typename T, typename Read>
T Settings::get(const SettingKey& key, const T& fallback, std::string_view accepts,
                Read read) const {
  const SettingsValue* value = ask(key, accepts);
  const SettingsValue in_its_place(fallback);
  AskedKey& asked = table_->asked.find(key.name)->second;
  asked.may_be_absent = true;
  if (asked.fallback.empty() || !key.meaning.empty()) asked.fallback = settings_text(in_its_place);
  if (value != nullptr) return read();
  table_->defaults.insert_or_assign(std::string(key.name), in_its_place);
  return fallback;
}

double Settings::number(const SettingKey& key, Range range) const {
  const SettingsValue& value = demand(key, describe(range));
  const std::optional<double> number = read_number(value, range);
  if (!number) wrong(key.name, value, describe(range));
  return *number;
}

double Settings::number(const SettingKey& key, double fallback, Range range) const {
  return get(key, fallback, describe(range), [&] { return number(key, range); });
}

std::int64_t Settings::integer(const SettingKey& key, IntRange range) const {
  const SettingsValue& value = demand(key, describe(range));
  const std::optional<std::int64_t> integer = read_integer(value, range);
  if (!integer) wrong(key.name, value, describe(range));
  return *integer;
}

std::int64_t Settings::integer(const SettingKey& key, std::int64_t fallback, IntRange range) const {
  return get(key, fallback, describe(range), [&] { return integer(key, range); });
}

bool Settings::boolean(const SettingKey& key) const {
  const SettingsValue& value = demand(key, kBoolean);
  const std::optional<bool> boolean = read_as<bool>(value);
  if (!boolean) wrong(key.name, value, kBoolean);
  return *boolean;
}

bool Settings::boolean(const SettingKey& key, bool fallback) const {
  return get(key, fallback, kBoolean, [&] { return boolean(key); });
}

std::string Settings::text(const SettingKey& key) const {
  const SettingsValue& value = demand(key, kText);
  std::optional<std::string> text = read_as<std::string>(value);
  if (!text) wrong(key.name, value, kText);
  return *std::move(text);
}

std::string Settings::text(const SettingKey& key, std::string_view fallback) const {
  return get(key, std::string(fallback), kText, [&] { return text(key); });
}

std::string Settings::choice(const SettingKey& key, const std::vector<std::string>& allowed) const {
  std::string expected = describe(allowed);
  const SettingsValue& value = demand(key, expected);
  const std::optional<std::string> name = read_as<std::string>(value);
  if (name && std::ranges::find(allowed, *name) != allowed.end()) return *name;
  const std::string near = name ? closest(*name, allowed) : "";
  if (!near.empty()) expected += fmt::format(" (did you mean \"{}\"?)", near);
  wrong(key.name, value, expected);
}

std::string Settings::choice(const SettingKey& key, std::string_view fallback,
                             const std::vector<std::string>& allowed) const {
  return get(key, std::string(fallback), describe(allowed), [&] { return choice(key, allowed); });
}

template <typename T, typename Read>
std::vector<T> Settings::list(const SettingKey& key, const std::vector<T>& fallback,
                              const std::string& what, Read read) const {
  const std::string accepts = "a list, each element " + what;
  return get(key, fallback, accepts, [&] {
    const SettingsValue& value = demand(key, accepts);
    const auto* elements = std::get_if<SettingsValue::List>(&value.data);
    if (elements == nullptr) wrong(key.name, value, accepts);
    std::vector<T> result;
    for (std::size_t i = 0; i < elements->size(); ++i) {
      const std::optional<T> element = read((*elements)[i]);
      if (!element) wrong(fmt::format("{}[{}]", key.name, i), (*elements)[i], what);
      result.push_back(*element);
    }
    return result;
  });
}

std::vector<double> Settings::numbers(const SettingKey& key, const std::vector<double>& fallback,
                                      Range range) const {
  return list(key, fallback, describe(range),
              [&](const SettingsValue& value) { return read_number(value, range); });
}

std::vector<std::int64_t> Settings::integers(const SettingKey& key,
                                             const std::vector<std::int64_t>& fallback,
                                             IntRange range) const {
  return list(key, fallback, describe(range),
              [&](const SettingsValue& value) { return read_integer(value, range); });
}

std::vector<std::string> Settings::texts(const SettingKey& key,
                                         const std::vector<std::string>& fallback) const {
  return list(key, fallback, kText, read_as<std::string>);
}

Settings Settings::table(std::string_view key) const {
  if (const SettingsValue* value = ask(key)) {
    const auto* table = std::get_if<SettingsValue::Table>(&value->data);
    if (table == nullptr) wrong(key, *value, "a table");
    return {*table, full_key(key)};
  }
  // Kept, so that the defaults read in it appear in resolved().
  const auto [entry, added] =
      table_->defaults.try_emplace(std::string(key), SettingsValue(Settings()));
  const auto& table = std::get<SettingsValue::Table>(entry->second.data);
  if (added) table->origin = table_->origin;
  return {table, full_key(key)};
}

std::vector<Settings> Settings::tables(std::string_view key) const {
  const SettingsValue* value = ask(key);
  if (value == nullptr) return {};
  const auto* elements = std::get_if<SettingsValue::List>(&value->data);
  if (elements == nullptr) wrong(key, *value, fmt::format("tables under [[{}]]", full_key(key)));
  std::vector<Settings> result;
  for (std::size_t i = 0; i < elements->size(); ++i) {
    const std::string name = fmt::format("{}[{}]", key, i);
    const auto* table = std::get_if<SettingsValue::Table>(&(*elements)[i].data);
    if (table == nullptr) wrong(name, (*elements)[i], "a table");
    result.push_back(Settings(*table, full_key(name)));
  }
  return result;
}

}  // namespace quench
