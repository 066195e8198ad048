#pragma once

#include <optional>
#include <string>
#include <vector>

#include "experiments/compare/comparison_folder.h"
#include "experiments/compare/statistics.h"

namespace quench::train {

/// Accuracies in percent, with quantized and with float weights.
struct Top1 {
  std::optional<double> quantized;  ///< none of a float network
  double floating = 0.0;

  double of_network() const { return quantized.value_or(floating); }
};

/// Where one run of a comparison stands.
struct RunOutcome {
  ComparisonRun run;
  bool failed = false;                ///< in this attempt
  std::optional<Top1> test;           ///< of the last checkpoint; present once the run is done
  std::optional<Top1> held_out;       ///< after the last epoch, if the config holds images out
  std::vector<double> epoch_seconds;  ///< of each epoch of a run that is done
};

/// The runs of one variant together.
struct VariantSummary {
  std::string name;
  std::size_t done = 0, failed = 0, seeds = 0;
  std::optional<double> mean;       ///< of the test top1
  std::optional<double> deviation;  ///< of it, with n - 1; from two runs on
  /// To the first variant, over the seeds that both have; none for the first.
  std::optional<PairedDifference> difference;
  std::optional<double> float_mean;
  std::optional<double> held_out_mean;
  std::optional<double> epoch_seconds;  ///< median
};

/// Always the last epoch: choosing the best one by the images that judge it flatters what wavers.
/// @param failed  what ended badly in this attempt
/// @throws std::runtime_error  naming a file of a finished run that is damaged
RunOutcome read_outcome(const ComparisonFolder& folder, const ComparisonRun& run,
                        bool failed = false);
/// Of every run, variant by variant.
std::vector<RunOutcome> read_outcomes(const ComparisonFolder& folder,
                                      const std::vector<ComparisonRun>& failed = {});

std::vector<VariantSummary> summarize(const Comparison& comparison,
                                      const std::vector<RunOutcome>& outcomes);

/// For a terminal: one line per variant.
std::string comparison_table(const Comparison& comparison,
                             const std::vector<VariantSummary>& summaries);
/// One line per run.
std::string comparison_csv(const ComparisonFolder& folder, const std::vector<RunOutcome>& outcomes);
/// Everything: what was compared, on which machine, each run, and the statistics.
std::string comparison_json(const ComparisonFolder& folder, const std::vector<RunOutcome>& outcomes,
                            const std::vector<VariantSummary>& summaries);

}  // namespace quench::train
