#pragma once

#include <string>
#include <vector>

#include "experiments/config/config_values.h"

namespace quench::train::report {

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
