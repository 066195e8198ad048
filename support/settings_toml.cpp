#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "support/settings_tree.h"

namespace quench {
namespace {

std::string toml_string(std::string_view text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      result += {'\\', c};
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      result += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      result += c;
    }
  }
  return result + '"';
}

std::string real_text(double value) {
  std::string text = fmt::format("{}", value);  // the shortest form that parses back exactly
  // Without a point or exponent, TOML would parse an integer ("inf" and "nan" contain an n).
  if (text.find_first_of(".en") == std::string::npos) text += ".0";
  return text;
}

using Entries = std::map<std::string, const SettingsValue*>;

/// The values that were set, and the defaults that were used for the others.
Entries all_entries(const SettingsTable& table) {
  Entries result;
  for (const auto& [key, value] : table.given) result.emplace(key, &value);
  for (const auto& [key, value] : table.defaults) result.emplace(key, &value);
  return result;
}

const SettingsTable* as_table(const SettingsValue& value) {
  const auto* table = std::get_if<SettingsValue::Table>(&value.data);
  return table == nullptr ? nullptr : table->get();
}

/// The elements of a non-empty list that holds only tables, else null.
const SettingsValue::List* as_tables(const SettingsValue& value) {
  const auto* list = std::get_if<SettingsValue::List>(&value.data);
  const bool tables = list != nullptr && !list->empty() &&
                      std::ranges::all_of(*list, [](const auto& v) { return as_table(v); });
  return tables ? list : nullptr;
}

std::string inline_table(const SettingsTable& table) {
  std::string result;
  for (const auto& [key, value] : all_entries(table)) {
    result += fmt::format("{}{} = {}", result.empty() ? "" : ", ", settings_key(key),
                          settings_text(*value));
  }
  return "{" + result + "}";
}

std::string scalar_lines(const SettingsTable& table) {
  std::string result;
  for (const auto& [key, value] : all_entries(table)) {
    if (as_table(*value) || as_tables(*value)) continue;
    result += fmt::format("{} = {}\n", settings_key(key), settings_text(*value));
  }
  return result;
}

void write_table(const SettingsTable& table, const std::string& path, std::string& out) {
  out += scalar_lines(table);
  for (const auto& [key, value] : all_entries(table)) {
    const std::string name =
        path.empty() ? settings_key(key) : fmt::format("{}.{}", path, settings_key(key));
    if (const SettingsTable* child = as_table(*value)) {
      std::string body;
      write_table(*child, name, body);
      // Leaves out a table that was only looked up. One that was set may matter, even if empty.
      if (body.empty() && !table.given.contains(key)) continue;
      out += fmt::format("\n[{}]\n{}", name, body);
    } else if (const auto* elements = as_tables(*value)) {
      for (const SettingsValue& element : *elements) {
        out += fmt::format("\n[[{}]]\n", name);
        write_table(*as_table(element), name, out);
      }
    }
  }
}

struct TextOf {
  std::string operator()(bool value) const { return value ? "true" : "false"; }
  std::string operator()(std::int64_t value) const { return fmt::format("{}", value); }
  std::string operator()(double value) const { return real_text(value); }
  std::string operator()(const std::string& value) const { return toml_string(value); }
  std::string operator()(const SettingsValue::Table& value) const { return inline_table(*value); }
  std::string operator()(const SettingsValue::List& values) const {
    std::string result;
    for (const SettingsValue& value : values) {
      result += (result.empty() ? "" : ", ") + settings_text(value);
    }
    return "[" + result + "]";
  }
};

}  // namespace

std::string settings_text(const SettingsValue& value) { return std::visit(TextOf{}, value.data); }

std::string settings_key(std::string_view key) {
  const bool bare = !key.empty() && std::ranges::all_of(key, [](unsigned char c) {
    return (std::isalnum(c) && c < 0x80) || c == '_' || c == '-';
  });
  return bare ? std::string(key) : toml_string(key);
}

std::string settings_toml(const SettingsTable& table, const std::string& path) {
  std::string out;
  write_table(table, path, out);
  // Drops the blank line before a table at the start of the file.
  return out.starts_with('\n') ? out.substr(1) : out;
}

}  // namespace quench
