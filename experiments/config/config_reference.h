#pragma once

#include <string>
#include <vector>

#include "support/settings.h"

namespace quench::experiments {

/// A table of a config, and what its keys mean.
struct ConfigTable {
  /// "train"; several, if their keys are the same: "quant.first_layer", "quant.last_layer". An array of
  /// tables ends in "[]". Empty: the keys before all tables.
  std::vector<std::string> names;
  /// What else the config has to say for these keys to count: 'name = "mnist", "fashion_mnist"'.
  std::string condition;
  std::vector<SettingInfo> keys;  ///< their names within the table, sorted
};

/// Every key that a config can have, from the readers themselves: they read configs made for it, which
/// together take every path through them. Registered methods of outside programs are part of it.
std::vector<ConfigTable> config_reference();

}  // namespace quench::experiments
