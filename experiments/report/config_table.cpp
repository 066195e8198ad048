#include "experiments/report/config_table.h"

#include <algorithm>
#include <set>

namespace quench::train::report {

std::vector<ConfigDifference> config_differences(const std::vector<ConfigValues>& configs) {
  std::set<std::string> keys;
  for (const ConfigValues& config : configs)
    for (const auto& [key, value] : config) keys.insert(key);
  std::vector<ConfigDifference> differences;
  for (const std::string& key : keys) {
    ConfigDifference difference{key, {}};
    bool same = true;
    for (const ConfigValues& config : configs) {
      const auto found = config.find(key);
      difference.values.push_back(found == config.end() ? "" : found->second);
      same &= config.contains(key) == configs.front().contains(key) &&
              difference.values.back() == difference.values.front();
    }
    if (!same) differences.push_back(std::move(difference));
  }
  std::stable_partition(differences.begin(), differences.end(), [&](const auto& difference) {
    return std::ranges::all_of(
        configs, [&](const ConfigValues& config) { return config.contains(difference.key); });
  });
  return differences;
}

}  // namespace quench::train::report
