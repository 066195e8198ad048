#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "experiments/compare/variants.h"
#include "experiments/runs/versions.h"

namespace quench::experiments {

/// A variant with everything that its runs need, even if the experiment's file changes.
struct ComparedVariant {
  Variant variant;
  std::string config;    ///< resolved, as TOML; each run sets its own train.seed
  std::string data_dir;  ///< its data.dir, absolute
  std::int64_t epochs = 0;
  bool held_out = false;  ///< whether metrics.csv refers to held-out images
};

/// Paired runs: every variant with every seed, so runs with the same seed differ only in the
/// variant.
struct Comparison {
  std::string name;    ///< the experiment's
  std::string config;  ///< its file, as the command line gave it
  std::vector<ComparedVariant> variants;
  std::vector<std::uint64_t> seeds;
  int threads = 1;    ///< train.threads of runs whose config does not set it
  Versions versions;  ///< the program that started it
};

/// One run of a comparison.
struct ComparisonRun {
  std::size_t variant = 0;  ///< index into Comparison::variants
  std::uint64_t seed = 0;
  bool operator==(const ComparisonRun&) const = default;
};

/// All runs in training order: a stopped comparison has complete pairs.
std::vector<ComparisonRun> all_runs(const Comparison& comparison);
/// "ste seed 3"
std::string run_name(const Comparison& comparison, const ComparisonRun& run);

/// Loads the experiment once per variant and builds what its runs will build (data, network,
/// quantizers, optimizer), so that errors appear now and not after hours.
/// @param overrides  for every variant, before its own
/// @throws std::invalid_argument, std::runtime_error  as load_experiment() and Run, naming the
/// variant
Comparison resolve_comparison(const std::filesystem::path& config,
                              const std::vector<std::string>& overrides,
                              const std::vector<Variant>& variants,
                              const std::vector<std::uint64_t>& seeds, int threads,
                              Versions versions);

/// @throws std::invalid_argument  if `wanted` has other variants, settings or seeds than `started`,
///                                which is in `folder`; the message names the first difference
void require_same(const Comparison& started, const Comparison& wanted,
                  const std::filesystem::path& folder);

/// To and from JSON. @throws std::runtime_error  naming `path`, for other files
std::string comparison_text(const Comparison& comparison);
Comparison comparison_from_text(const std::string& text, const std::string& path);
void write_comparison(const std::filesystem::path& path, const Comparison& comparison);
Comparison read_comparison(const std::filesystem::path& path);

}  // namespace quench::experiments
