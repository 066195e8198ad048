#pragma once

#include <span>
#include <string>
#include <variant>
#include <vector>

#include "experiments/runs/run_listing.h"

namespace quench::experiments {

/// The keys for sorting and filtering runs, which are also the columns of their JSON table.
const std::vector<std::string>& run_keys();

/// A value of a run: a number or a string; nothing if it is unknown or does not apply.
using RunValue = std::variant<std::monostate, std::int64_t, double, std::string>;
/// @throws std::invalid_argument  for an unknown key, naming the known ones
RunValue value_of(const RunSummary& run, const std::string& key);

/// A condition from the command line: "method=ab", "top1_quantized>80", "epoch<3"; also !=, >= and
/// <=. A time may be partial: "started>=2026-11" matches runs from November on. An unknown value
/// matches no condition.
class RunFilter {
 public:
  /// @throws std::invalid_argument  for malformed text, an unknown key or state, a value that is
  ///                                not a number or time where one is expected, or an order
  ///                                comparison of strings
  explicit RunFilter(const std::string& text);
  bool accepts(const RunSummary& run) const;

 private:
  std::string key_;
  std::string operator_;
  std::variant<double, std::string> value_;
};

/// Sorts by a key: numbers and times in descending order, strings alphabetically, and the opposite
/// if `reversed`. Runs with an unknown value come last.
/// @throws std::invalid_argument  for an unknown key
void sort_runs(std::vector<RunSummary>& runs, const std::string& key, bool reversed);

/// A table for a terminal; errors of damaged and failed runs follow it.
std::string runs_text(std::span<const RunSummary> runs);
/// A list of objects with run_keys(), null for unknown values, and "message".
std::string runs_json(std::span<const RunSummary> runs);

}  // namespace quench::experiments
