#pragma once

#include <optional>
#include <string>
#include <vector>

#include "experiments/compare/comparison_folder.h"
#include "experiments/compare/statistics.h"

namespace quench::experiments {

/// Accuracies in percent, with quantized and with float weights.
struct Top1 {
  std::optional<double> quantized;  ///< none for a float network
  double floating = 0.0;

  double of_network() const { return quantized.value_or(floating); }
};

/// The state and results of one run of a comparison.
struct RunOutcome {
  ComparisonRun run;
  bool failed = false;                ///< in this process
  std::optional<Top1> test;           ///< of the last checkpoint; set once the run is done
  std::optional<Top1> held_out;       ///< after the last epoch, if the config holds images out
  std::vector<double> epoch_seconds;  ///< of each epoch, once the run is done
};

/// The runs of one variant.
struct VariantSummary {
  std::string name;
  std::size_t done = 0, failed = 0, seeds = 0;
  std::optional<double> mean;       ///< of the test top1
  std::optional<double> deviation;  ///< of the test top1, with n - 1; at least two runs
  /// From the first variant, over the seeds that both have; none for the first.
  std::optional<PairedDifference> difference;
  std::optional<double> float_mean;
  std::optional<double> held_out_mean;
  std::optional<double> epoch_seconds;  ///< median
};

/// Uses the last epoch: choosing the best one on the test images would favour noisy runs.
/// @param failed  the runs that failed in this process
/// @throws std::runtime_error  naming a damaged file of a finished run
RunOutcome read_outcome(const ComparisonFolder& folder, const ComparisonRun& run,
                        bool failed = false);
/// The outcomes of all runs, variant by variant.
std::vector<RunOutcome> read_outcomes(const ComparisonFolder& folder,
                                      const std::vector<ComparisonRun>& failed = {});

std::vector<VariantSummary> summarize(const Comparison& comparison,
                                      const std::vector<RunOutcome>& outcomes);

/// A table for a terminal, one line per variant.
std::string comparison_table(const Comparison& comparison,
                             const std::vector<VariantSummary>& summaries);
/// One line per run.
std::string comparison_csv(const ComparisonFolder& folder, const std::vector<RunOutcome>& outcomes);
/// Everything: the comparison, the machine, each run, and the statistics.
std::string comparison_json(const ComparisonFolder& folder, const std::vector<RunOutcome>& outcomes,
                            const std::vector<VariantSummary>& summaries);

}  // namespace quench::experiments
