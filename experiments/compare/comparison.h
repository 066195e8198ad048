#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "experiments/compare/variants.h"
#include "experiments/runs/versions.h"

namespace quench::train {

/// A variant with all that its runs need, whatever becomes of the experiment's file.
struct ComparedVariant {
  Variant variant;
  std::string config;    ///< resolved, as TOML; each run sets its own train.seed
  std::string data_dir;  ///< data.dir of it, absolute
  std::int64_t epochs = 0;
  bool held_out = false;  ///< whether metrics.csv speaks of held-out images
};

/// Paired runs: every variant with every seed, so that runs of one seed differ in the variant alone.
struct Comparison {
  std::string name;    ///< the experiment's
  std::string config;  ///< its file, as the command line gave it
  std::vector<ComparedVariant> variants;
  std::vector<std::uint64_t> seeds;
  int threads = 1;    ///< train.threads of runs whose config leaves it open
  Versions versions;  ///< of the program that started it
};

/// One of its runs.
struct ComparisonRun {
  std::size_t variant = 0;  ///< index into Comparison::variants
  std::uint64_t seed = 0;
  bool operator==(const ComparisonRun&) const = default;
};

/// All runs, in the order to make them: a comparison that is stopped has whole pairs.
std::vector<ComparisonRun> all_runs(const Comparison& comparison);
/// "ste seed 3"
std::string run_name(const Comparison& comparison, const ComparisonRun& run);

/// Loads the experiment once per variant and builds all that its runs will (data, network,
/// quantizers, optimizer), so that nothing that is wrong shows only after hours.
/// @param overrides  for every variant, before its own
/// @throws std::invalid_argument, std::runtime_error  as load_experiment() and Run, naming the
///                                                    variant
Comparison resolve_comparison(const std::filesystem::path& config,
                              const std::vector<std::string>& overrides,
                              const std::vector<Variant>& variants,
                              const std::vector<std::uint64_t>& seeds, int threads,
                              Versions versions);

/// @throws std::invalid_argument  if `wanted` has other variants, settings or seeds than `started`,
///                                which lies in `folder`; the message names the first difference
void require_same(const Comparison& started, const Comparison& wanted,
                  const std::filesystem::path& folder);

/// As JSON, and back. @throws std::runtime_error  naming `path`, for files that are none
std::string comparison_text(const Comparison& comparison);
Comparison comparison_from_text(const std::string& text, const std::string& path);
void write_comparison(const std::filesystem::path& path, const Comparison& comparison);
Comparison read_comparison(const std::filesystem::path& path);

}  // namespace quench::train
