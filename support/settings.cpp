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
                     Number highest, bool min_excluded) {
  const bool has_min = range.min > lowest, has_max = range.max < highest;
  if (!has_min && !has_max) return plain_noun;
  if (!has_max) return fmt::format("{} {} {}", noun, min_excluded ? ">" : ">=", range.min);
  if (!has_min) return fmt::format("{} <= {}", noun, range.max);
  if (min_excluded) return fmt::format("{} > {} and <= {}", noun, range.min, range.max);
  return fmt::format("{} in {}..{}", noun, range.min, range.max);
}

std::string describe(const Range& range) {
  const double infinity = std::numeric_limits<double>::infinity();
  return describe("a number", "a finite number", range, -infinity, infinity, range.min_excluded);
}

std::string describe(const IntRange& range) {
  using Limits = std::numeric_limits<std::int64_t>;
  return describe("an integer", "an integer", range, Limits::min(), Limits::max(), false);
}

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
  if (!std::isfinite(number) || !above_min || number > range.max) return std::nullopt;
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
  table_->asked.emplace(key);
  return find(key);
}

const SettingsValue& Settings::demand(std::string_view key, std::string_view expected) const {
  const SettingsValue* value = ask(key);
  if (value == nullptr) reject(key, expected);
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
T Settings::get(std::string_view key, const T& fallback, Read read) const {
  if (ask(key) != nullptr) return read();
  table_->defaults.insert_or_assign(std::string(key), SettingsValue(fallback));
  return fallback;
}

double Settings::number(std::string_view key, Range range) const {
  const SettingsValue& value = demand(key, describe(range));
  const std::optional<double> number = read_number(value, range);
  if (!number) wrong(key, value, describe(range));
  return *number;
}

double Settings::number(std::string_view key, double fallback, Range range) const {
  return get(key, fallback, [&] { return number(key, range); });
}

std::int64_t Settings::integer(std::string_view key, IntRange range) const {
  const SettingsValue& value = demand(key, describe(range));
  const std::optional<std::int64_t> integer = read_integer(value, range);
  if (!integer) wrong(key, value, describe(range));
  return *integer;
}

std::int64_t Settings::integer(std::string_view key, std::int64_t fallback, IntRange range) const {
  return get(key, fallback, [&] { return integer(key, range); });
}

bool Settings::boolean(std::string_view key) const {
  const SettingsValue& value = demand(key, "true or false");
  const std::optional<bool> boolean = read_as<bool>(value);
  if (!boolean) wrong(key, value, "true or false");
  return *boolean;
}

bool Settings::boolean(std::string_view key, bool fallback) const {
  return get(key, fallback, [&] { return boolean(key); });
}

std::string Settings::text(std::string_view key) const {
  const SettingsValue& value = demand(key, "a quoted string");
  std::optional<std::string> text = read_as<std::string>(value);
  if (!text) wrong(key, value, "a quoted string");
  return *std::move(text);
}

std::string Settings::text(std::string_view key, std::string_view fallback) const {
  return get(key, std::string(fallback), [&] { return text(key); });
}

std::string Settings::choice(std::string_view key, const std::vector<std::string>& allowed) const {
  std::string expected = "one of ";
  for (const std::string& name : allowed) {
    expected += (&name == allowed.data() ? "" : ", ") + settings_text(name);
  }
  const SettingsValue& value = demand(key, expected);
  const std::optional<std::string> name = read_as<std::string>(value);
  if (name && std::ranges::find(allowed, *name) != allowed.end()) return *name;
  const std::string near = name ? closest(*name, allowed) : "";
  if (!near.empty()) expected += fmt::format(" (did you mean \"{}\"?)", near);
  wrong(key, value, expected);
}

std::string Settings::choice(std::string_view key, std::string_view fallback,
                             const std::vector<std::string>& allowed) const {
  return get(key, std::string(fallback), [&] { return choice(key, allowed); });
}

template <typename T, typename Read>
std::vector<T> Settings::list(std::string_view key, const std::vector<T>& fallback,
                              const std::string& what, Read read) const {
  return get(key, fallback, [&] {
    const SettingsValue& value = demand(key, what);
    const auto* elements = std::get_if<SettingsValue::List>(&value.data);
    if (elements == nullptr) wrong(key, value, "a list, each element " + what);
    std::vector<T> result;
    for (std::size_t i = 0; i < elements->size(); ++i) {
      const std::optional<T> element = read((*elements)[i]);
      if (!element) wrong(fmt::format("{}[{}]", key, i), (*elements)[i], what);
      result.push_back(*element);
    }
    return result;
  });
}

std::vector<double> Settings::numbers(std::string_view key, const std::vector<double>& fallback,
                                      Range range) const {
  return list(key, fallback, describe(range),
              [&](const SettingsValue& value) { return read_number(value, range); });
}

std::vector<std::int64_t> Settings::integers(std::string_view key,
                                             const std::vector<std::int64_t>& fallback,
                                             IntRange range) const {
  return list(key, fallback, describe(range),
              [&](const SettingsValue& value) { return read_integer(value, range); });
}

std::vector<std::string> Settings::texts(std::string_view key,
                                         const std::vector<std::string>& fallback) const {
  return list(key, fallback, "a quoted string", read_as<std::string>);
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
