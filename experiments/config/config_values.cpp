#include "experiments/config/config_values.h"

#include <toml++/toml.h>

#include <sstream>

#include "support/error.h"

namespace quench::train {
namespace {

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

ConfigValues config_values(std::string_view toml, const std::string& name) {
  ConfigValues values;
  try {
    flatten(toml::parse(toml), "", values);
  } catch (const toml::parse_error& error) {
    fail("{}:{}: {}", name, error.source().begin.line, error.description());
  }
  return values;
}

}  // namespace quench::train
