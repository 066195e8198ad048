#include "experiments/compare/comparison.h"

#include <fmt/ranges.h>

#include <filesystem>
#include <sstream>
#include <stdexcept>

#include "experiments/run.h"
#include "support/error.h"

namespace quench::experiments {
namespace {

ComparedVariant resolve(const std::filesystem::path& path, std::vector<std::string> overrides,
                        const Variant& variant, int threads) {
  overrides.insert(overrides.end(), variant.overrides.begin(), variant.overrides.end());
  ExperimentConfig config = load_experiment(path, overrides);
  if (config.train.threads == 0) {
    overrides.push_back(fmt::format("train.threads={}", threads));
    config = load_experiment(path, overrides);
  }
  const Run run(std::move(config));
  return {.variant = variant,
          .config = run.config().resolved_with_absolute_paths(),
          .data_dir = std::filesystem::absolute(run.config().data.dir).lexically_normal().string(),
          .epochs = run.config().train.epochs,
          .held_out = run.data().validation != nullptr};
}

std::vector<std::string> names_of(const Comparison& comparison) {
  std::vector<std::string> names;
  for (const ComparedVariant& variant : comparison.variants) names.push_back(variant.variant.name);
  return names;
}

struct Lines {
  std::string first, second;
};

/// The first differing lines; empty where one text has ended.
Lines first_difference(const std::string& first, const std::string& second) {
  std::istringstream firsts(first), seconds(second);
  Lines lines;
  do {
    lines = {};
    std::getline(firsts, lines.first);
    std::getline(seconds, lines.second);
  } while (lines.first == lines.second && (firsts || seconds));
  return lines;
}

}  // namespace

std::vector<ComparisonRun> all_runs(const Comparison& comparison) {
  std::vector<ComparisonRun> runs;
  for (const std::uint64_t seed : comparison.seeds) {
    for (std::size_t i = 0; i < comparison.variants.size(); ++i) runs.push_back({i, seed});
  }
  return runs;
}

std::string run_name(const Comparison& comparison, const ComparisonRun& run) {
  return fmt::format("{} seed {}", comparison.variants.at(run.variant).variant.name, run.seed);
}

Comparison resolve_comparison(const std::filesystem::path& config,
                              const std::vector<std::string>& overrides,
                              const std::vector<Variant>& variants,
                              const std::vector<std::uint64_t>& seeds, int threads,
                              Versions versions) {
  require(!variants.empty() && !seeds.empty(), "compare: expected at least one variant and seed");
  require_no_seed(overrides);
  Comparison comparison{.name = config.stem().string(),
                        .config = config.string(),
                        .seeds = seeds,
                        .threads = threads,
                        .versions = std::move(versions)};
  std::vector<std::string> seeded = overrides;
  seeded.push_back(fmt::format("train.seed={}", seeds.front()));
  for (const Variant& variant : variants) {
    try {
      comparison.variants.push_back(resolve(config, seeded, variant, threads));
    } catch (const std::invalid_argument& error) {
      throw std::invalid_argument(fmt::format("variant {}: {}", variant.name, error.what()));
    } catch (const std::runtime_error& error) {
      fail("variant {}: {}", variant.name, error.what());
    }
  }
  return comparison;
}

void require_same(const Comparison& started, const Comparison& wanted,
                  const std::filesystem::path& folder) {
  const std::string where = fmt::format(
      "comparison {}: this folder holds another comparison (quench compare --resume {} resumes "
      "it)",
      folder.string(), folder.string());
  require(started.seeds == wanted.seeds, "{}: its seeds are {}, not {}", where,
          seeds_text(started.seeds), seeds_text(wanted.seeds));
  const auto there = names_of(started), here = names_of(wanted);
  require(there == here, "{}: its variants are {}, not {}", where, fmt::join(there, ", "),
          fmt::join(here, ", "));
  for (std::size_t i = 0; i < here.size(); ++i) {
    const Lines lines = first_difference(started.variants[i].config, wanted.variants[i].config);
    require(lines.first == lines.second, "{}: variant {} has '{}' there, '{}' here", where, here[i],
            lines.first, lines.second);
  }
}

}  // namespace quench::experiments
