#pragma once

// Private to the settings*.cpp files.

#include <functional>
#include <map>
#include <set>
#include <string>

#include "support/settings.h"

namespace quench {

/// What readers said of a key.
struct AskedKey {
  std::string accepts = {};   // empty: nobody read it as a value
  std::string fallback = {};  // as TOML
  std::string meaning = {};
  bool may_be_absent = false;  // it has a default, or its reader asked whether it is there
};

struct SettingsTable {
  std::map<std::string, SettingsValue, std::less<>> given;
  std::map<std::string, SettingsValue, std::less<>> defaults;  // used because the key was absent
  std::map<std::string, AskedKey, std::less<>> asked;
  std::set<std::string, std::less<>> allowed;  // skipped by finish()
  std::string origin;
};

/// `value` as TOML, on one line.
std::string settings_text(const SettingsValue& value);
/// `table` with its defaults as TOML; `path` is its dotted key.
std::string settings_toml(const SettingsTable& table, const std::string& path);
/// `key` as TOML: bare, or quoted where necessary.
std::string settings_key(std::string_view key);

}  // namespace quench
