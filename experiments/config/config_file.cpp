#include "experiments/config/config_file.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <toml++/toml.h>

#include <algorithm>
#include <optional>
#include <sstream>
#include <string_view>

#include "support/error.h"
#include "support/file.h"
#include "support/toml_nesting.h"

namespace quench::experiments {
namespace {

namespace fs = std::filesystem;

/// Formats the origin of a node: file and line, or the override itself.
using OriginOf = std::string (*)(const std::string& name, const toml::node& node);

std::string file_origin(const std::string& name, const toml::node& node) {
  const auto line = node.source().begin.line;
  return line == 0 ? name : fmt::format("{}:{}", name, line);
}

std::string override_origin(const std::string& name, const toml::node&) { return name; }

class Converter {
 public:
  Converter(std::string name, OriginOf origin_of) : name_(std::move(name)), origin_of_(origin_of) {}

  Settings table(const toml::table& table) const {
    Settings result;
    result.set_origin(origin_of_(name_, table));
    for (const auto& [key, node] : table) result.set(key.str(), value(node));
    return result;
  }

 private:
  SettingsValue value(const toml::node& node) const {
    SettingsValue result = bare_value(node);
    result.origin = origin_of_(name_, node);
    return result;
  }

  SettingsValue bare_value(const toml::node& node) const {
    if (const auto* inner = node.as_table()) return table(*inner);
    if (const auto* array = node.as_array()) return list(*array);
    if (const auto* text = node.as_string()) return text->get();
    if (const auto* boolean = node.as_boolean()) return boolean->get();
    if (const auto* integer = node.as_integer()) return std::int64_t{integer->get()};
    if (const auto* real = node.as_floating_point()) return real->get();
    throw std::invalid_argument(
        fmt::format("{}: expected a number, string, boolean, list or table, got a date or time",
                    origin_of_(name_, node)));
  }

  SettingsValue list(const toml::array& array) const {
    SettingsValue::List elements;
    for (const toml::node& element : array) elements.push_back(value(element));
    return elements;
  }

  std::string name_;
  OriginOf origin_of_;
};

toml::table parse_text(std::string_view text, const std::string& name) {
  check_toml_nesting(text, name);
  try {
    return toml::parse(text);
  } catch (const toml::parse_error& error) {
    const auto& at = error.source().begin;
    throw std::invalid_argument(
        fmt::format("{}:{}:{}: {}", name, at.line, at.column, error.description()));
  }
}

toml::table parse_file(const fs::path& path) {
  return parse_text(read_text(path, kMaxTextBytes), path.string());
}

/// `chain` lists the files that extend each other up to this one.
Settings load_file(const fs::path& path, std::vector<std::string> chain) {
  std::error_code error;  // a pipe has no canonical path
  const fs::path place = fs::weakly_canonical(path, error);
  const std::string identity = (error ? path : place).string();
  const bool seen = std::ranges::find(chain, identity) != chain.end();
  chain.push_back(identity);
  require(!seen, "{}: expected files without circular extends, got {}", path.string(),
          fmt::join(chain, " -> "));

  Settings settings = Converter(path.string(), file_origin).table(parse_file(path));
  const std::string base_name = extended_file(settings);
  if (base_name.empty()) return settings;
  const fs::path base_path = path.parent_path() / base_name;
  settings.erase("extends");
  Settings base = load_file(base_path, std::move(chain));
  base.merge(settings);
  base.set_origin(path.string());  // missing keys are reported for the file that the user named
  return base;
}

std::optional<toml::table> try_parse(const std::string& line) {
  try {
    return toml::parse(line);
  } catch (const toml::parse_error&) {
    return std::nullopt;
  }
}

Settings parse_override(const std::string& assignment) {
  const std::string name = "--set " + assignment;
  const std::size_t equals = assignment.find('=');
  require(equals != std::string::npos && equals > 0, "{}: expected key=value", name);
  constexpr std::size_t kShown = 60;
  check_toml_nesting(assignment, name.size() > kShown ? name.substr(0, kShown) + "..." : name);
  const std::string key = assignment.substr(0, equals), value = assignment.substr(equals + 1);
  // One line only: a second one would set a second key.
  require(assignment.find_first_of("\r\n") == std::string::npos, "{}: expected one line", name);

  std::optional<toml::table> parsed = try_parse(fmt::format("{} = {}", key, value));
  // A value that begins like a TOML value but does not parse is a mistake, not a string.
  if (!parsed && value.find_first_of("[{\"'#") != 0) {
    parsed = try_parse(fmt::format("{} = '{}'", key, value));
  }
  require(parsed.has_value(), "{}: expected dotted.key=value with a TOML value or a bare word",
          name);
  return Converter(name, override_origin).table(*parsed);
}

std::string text_of(const toml::node& node) {
  if (const auto* text = node.as_string()) return text->get();
  // The shortest digits that read back: the config itself has 0.98999999999999999.
  if (const auto* number = node.as_floating_point()) return fmt::format("{}", number->get());
  std::ostringstream stream;
  node.visit([&stream](const auto& value) { stream << value; });
  return stream.str();
}

void flatten(const toml::table& table, const std::string& prefix, ConfigValues& values) {
  for (const auto& [key, node] : table) {
    const std::string name = prefix + std::string(key.str());
    if (const toml::table* inner = node.as_table()) {
      flatten(*inner, name + ".", values);
    } else {
      values[name] = text_of(node);
    }
  }
}

}  // namespace

std::string extended_file(const Settings& file) {
  // An absent key stays unknown: an override of this name extends nothing.
  if (file.find("extends") == nullptr) return "";
  return file.text(
      {"extends", "a config to start from, relative to this file; tables are merged key by key"},
      "");
}

Settings load_settings(const fs::path& path, const std::vector<std::string>& overrides) {
  Settings settings = load_file(path, {});
  settings.merge(settings_of(overrides));
  return settings;
}

Settings parse_settings(std::string_view toml, const std::string& name,
                        const std::vector<std::string>& overrides) {
  Settings settings = Converter(name, file_origin).table(parse_text(toml, name));
  settings.merge(settings_of(overrides));
  return settings;
}

Settings settings_of(const std::vector<std::string>& overrides) {
  Settings settings;
  for (const std::string& assignment : overrides) settings.merge(parse_override(assignment));
  return settings;
}

ConfigValues config_values(std::string_view toml, const std::string& name) {
  ConfigValues values;
  try {
    flatten(toml::parse(toml), "", values);
  } catch (const toml::parse_error& error) {
    fail("{}:{}: {}", name, error.source().begin.line, error.description());
  }
  return values;
}

}  // namespace quench::experiments
