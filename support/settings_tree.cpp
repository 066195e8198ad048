#include "support/settings_tree.h"

#include <fmt/format.h>

#include "support/error.h"
#include "support/suggest.h"

namespace quench {

bool Settings::has(std::string_view key) const {
  const SettingsValue* value = ask(key);
  table_->asked.find(key)->second.may_be_absent = true;
  return value != nullptr;
}

void Settings::allow(std::string_view key) const {
  table_->asked.try_emplace(std::string(key));
  table_->allowed.emplace(key);
}

std::vector<std::string> Settings::keys() const {
  std::vector<std::string> result;
  for (const auto& [key, value] : table_->given) result.push_back(key);
  return result;
}

std::vector<SettingInfo> Settings::keys_read() const {
  std::vector<SettingInfo> result;
  const auto append = [&result](const SettingsValue::Table& table, const std::string& path) {
    const std::vector<SettingInfo> below = Settings(table, path).keys_read();
    result.insert(result.end(), below.begin(), below.end());
  };
  for (const auto& [key, asked] : table_->asked) {
    if (!asked.accepts.empty())
      result.push_back({.key = full_key(key),
                        .accepts = asked.accepts,
                        .fallback = asked.fallback,
                        .meaning = asked.meaning,
                        .required = !asked.may_be_absent});
  }
  for (const auto& entry : table_->asked) {
    const std::string& key = entry.first;
    const SettingsValue* value = find(key);
    const auto fallback = table_->defaults.find(key);
    if (value == nullptr && fallback != table_->defaults.end()) value = &fallback->second;
    if (value == nullptr) continue;
    if (const auto* table = std::get_if<SettingsValue::Table>(&value->data)) {
      append(*table, full_key(key));
    } else if (const auto* list = std::get_if<SettingsValue::List>(&value->data)) {
      for (const SettingsValue& element : *list) {
        if (const auto* inner = std::get_if<SettingsValue::Table>(&element.data))
          append(*inner, full_key(key) + "[]");
      }
    }
  }
  return result;
}

void Settings::finish_own_keys() const {
  for (const auto& [key, value] : table_->given) {
    if (table_->asked.contains(key)) continue;
    std::vector<std::string> accepted;
    for (const auto& asked : table_->asked) accepted.push_back(asked.first);
    throw std::invalid_argument(fmt::format("{}: {}: unknown key with value {}{}", origin(key),
                                            full_key(key), settings_text(value),
                                            suggestion(key, accepted)));
  }
}

void Settings::finish() const {
  finish_own_keys();
  for (const auto& [key, value] : table_->given) {
    if (table_->allowed.contains(key)) continue;
    if (const auto* table = std::get_if<SettingsValue::Table>(&value.data)) {
      Settings(*table, full_key(key)).finish();
    } else if (const auto* list = std::get_if<SettingsValue::List>(&value.data)) {
      for (std::size_t i = 0; i < list->size(); ++i) {
        const auto* element = std::get_if<SettingsValue::Table>(&(*list)[i].data);
        if (element != nullptr)
          Settings(*element, fmt::format("{}[{}]", full_key(key), i)).finish();
      }
    }
  }
}

std::string Settings::resolved() const { return settings_toml(*table_, path_); }

std::string Settings::full_key(std::string_view key) const {
  return path_.empty() ? std::string(key) : fmt::format("{}.{}", path_, key);
}

std::string Settings::origin(std::string_view key) const {
  const SettingsValue* value = find(key);
  if (value != nullptr && !value->origin.empty()) return value->origin;
  return table_->origin.empty() ? "<settings>" : table_->origin;
}

void Settings::set(std::string_view key, SettingsValue value) {
  table_->given.insert_or_assign(std::string(key), std::move(value));
}

void Settings::erase(std::string_view key) {
  const auto entry = table_->given.find(key);
  if (entry != table_->given.end()) table_->given.erase(entry);
}

void Settings::set_origin(std::string origin) { table_->origin = std::move(origin); }

const SettingsValue* Settings::find(std::string_view key) const {
  const auto entry = table_->given.find(key);
  return entry == table_->given.end() ? nullptr : &entry->second;
}

Settings Settings::make_table(std::string_view key, std::string_view origin_if_new) {
  if (find(key) == nullptr) {
    Settings made;
    made.set_origin(std::string(origin_if_new));
    SettingsValue value(made);
    value.origin = origin_if_new;
    set(key, std::move(value));
  }
  const SettingsValue* value = find(key);
  const auto* table = std::get_if<SettingsValue::Table>(&value->data);
  if (table == nullptr) wrong(key, *value, "a table");
  return {*table, full_key(key)};
}

void Settings::merge(const Settings& over) {
  for (const auto& [key, value] : over.table_->given) {
    const SettingsValue* below = find(key);
    const auto* mine = below ? std::get_if<SettingsValue::Table>(&below->data) : nullptr;
    const auto* theirs = std::get_if<SettingsValue::Table>(&value.data);
    if (mine != nullptr && theirs != nullptr) {
      Settings(*mine, full_key(key)).merge(Settings(*theirs, full_key(key)));
    } else {
      set(key, value);
    }
  }
}

}  // namespace quench
