#pragma once

#include <map>
#include <string>
#include <string_view>

namespace quench::train {

/// A config as dotted keys and their values, written as in TOML: {"quant.method", "ste"}.
using ConfigValues = std::map<std::string, std::string>;

/// Of a resolved config. An array is one value, tables inside included.
/// @throws std::runtime_error  for a text that is no TOML, naming `name`
ConfigValues config_values(std::string_view toml, const std::string& name);

}  // namespace quench::train
