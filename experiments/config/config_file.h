#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "support/settings.h"

namespace quench::experiments {

/// Reads a TOML file into settings whose errors say "file:line" (or "--set key=value").
///
/// A top-level `extends = "other.toml"`, relative to the file that contains it, names a base file:
/// tables are merged key by key, everything else (lists, arrays of tables) is replaced. Each
/// override is "dotted.key=value"; the value is parsed as TOML, or taken as a string if it does not
/// begin like a TOML value: `--set quant.weight.method=ab`.
/// @throws std::invalid_argument  for a file or override that does not parse (the message is
///                                "file:line:column: reason"), for dates, and for files that extend
///                                each other in a circle
/// @throws std::runtime_error     for a file that cannot be read
Settings load_settings(const std::filesystem::path& path,
                       const std::vector<std::string>& overrides = {});

/// The file that `file` extends, as it says it; empty: none.
std::string extended_file(const Settings& file);

/// Likewise from a string, `name` in its errors; it may not extend other files.
/// @throws std::invalid_argument  as above
Settings parse_settings(std::string_view toml, const std::string& name,
                        const std::vector<std::string>& overrides = {});

/// Only overrides, without a file. @throws std::invalid_argument  as above
Settings settings_of(const std::vector<std::string>& overrides);

/// A config as dotted keys and values, as in TOML: {"quant.method", "ste"}.
using ConfigValues = std::map<std::string, std::string>;

/// The values of a resolved config. An array is one value, including tables inside it.
/// @throws std::runtime_error  if `toml` is not TOML; the message names `name`
ConfigValues config_values(std::string_view toml, const std::string& name);

}  // namespace quench::experiments
