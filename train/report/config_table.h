#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace quench::train::report {

/// A config as dotted keys and their values, written as in TOML: {"quant.method", "ste"}.
using ConfigValues = std::map<std::string, std::string>;

/// Of a resolved config. An array is one value, tables inside included.
/// @throws std::runtime_error  for a text that is no TOML, naming `name`
ConfigValues config_values(std::string_view toml, const std::string& name);

/// A key that not all configs have with one value.
struct ConfigDifference {
  std::string key;
  std::vector<std::string> values;  ///< one per config; empty where it has none
  bool operator==(const ConfigDifference&) const = default;
};

/// First the keys that all configs have, then those that some lack, as they do of other methods'
/// settings; both in the order of keys. None if all agree.
std::vector<ConfigDifference> config_differences(const std::vector<ConfigValues>& configs);

}  // namespace quench::train::report
