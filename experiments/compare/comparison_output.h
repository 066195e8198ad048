#pragma once

#include <string>
#include <vector>

#include "experiments/compare/comparison_report.h"

namespace quench::train {

/// For a terminal: one line per variant.
std::string comparison_table(const Comparison& comparison,
                             const std::vector<VariantSummary>& summaries);
/// One line per run.
std::string comparison_csv(const ComparisonFolder& folder, const std::vector<RunOutcome>& outcomes);
/// Everything: what was compared, on which machine, each run, and the statistics.
std::string comparison_json(const ComparisonFolder& folder, const std::vector<RunOutcome>& outcomes,
                            const std::vector<VariantSummary>& summaries);

}  // namespace quench::train
