#pragma once

#include <span>
#include <string>
#include <variant>
#include <vector>

#include "experiments/runs/run_listing.h"

namespace quench::train {

/// What runs are sorted and filtered by, and the columns of their table as JSON has them.
const std::vector<std::string>& run_keys();

/// A value of a run: a number or a text; nothing where it is unknown, or where the run has none.
using RunValue = std::variant<std::monostate, std::int64_t, double, std::string>;
/// @throws std::invalid_argument  for an unknown key, naming the known ones
RunValue value_of(const RunSummary& run, const std::string& key);

/// A condition as the command line gives it: "method=ab", "top1_quantized>80", "epoch<3"; also !=,
/// >= and <=. A time may be given in part: "started>=2026-11" is that of a run of November or later.
/// Where a value is unknown, none holds.
class RunFilter {
 public:
  /// @throws std::invalid_argument  for a text that is none, an unknown key or state, a value that is
  ///                                no number or time, or an order of texts
  explicit RunFilter(const std::string& text);
  bool accepts(const RunSummary& run) const;

 private:
  std::string key_;
  std::string operator_;
  std::variant<double, std::string> value_;
};

/// Sorts by a key: numbers and times with the largest first, other texts by the alphabet, and the
/// other way round if `reversed`; runs where it is unknown come last.
/// @throws std::invalid_argument  for an unknown key
void sort_runs(std::vector<RunSummary>& runs, const std::string& key, bool reversed);

/// For a terminal; what is wrong with damaged and failed ones stands below the table.
std::string runs_text(std::span<const RunSummary> runs);
/// A list of objects with run_keys(), null where a value is unknown, and "message".
std::string runs_json(std::span<const RunSummary> runs);

}  // namespace quench::train
