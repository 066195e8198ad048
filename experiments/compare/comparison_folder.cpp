#include "experiments/compare/comparison_folder.h"

#include <utility>

#include "support/error.h"
#include "support/file.h"

namespace quench::experiments {
namespace {

namespace fs = std::filesystem;

constexpr const char* kComparison = "comparison";
constexpr const char* kSpec = "comparison.json";

/// Called before the folder is locked, so that a refused folder is left unchanged.
void require_empty(const fs::path& folder) {
  if (!fs::is_directory(folder))
    fail("comparison {}: expected a folder, got a file", folder.string());
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    // Left by a comparison that was killed before it wrote comparison.json.
    if (name == FolderLock::kName || (name.starts_with(kSpec) && name.ends_with(".tmp"))) continue;
    fail("comparison {}: expected a new or empty folder, got one with {}", folder.string(), name);
  }
}

}  // namespace

ComparisonFolder::ComparisonFolder(fs::path path)
    : path_(std::move(path)), lock_(path_, kComparison) {}

ComparisonFolder ComparisonFolder::create(const fs::path& runs, Comparison comparison) {
  ComparisonFolder result(make_numbered_folder(runs, "compare-" + comparison.name, kComparison));
  result.begin(std::move(comparison));
  return result;
}

ComparisonFolder ComparisonFolder::create_at(const fs::path& folder, Comparison comparison) {
  if (!make_folder(folder, kComparison)) require_empty(folder);
  ComparisonFolder result(folder);
  result.begin(std::move(comparison));
  return result;
}

bool ComparisonFolder::is_one(const fs::path& folder) { return fs::exists(folder / kSpec); }

ComparisonFolder ComparisonFolder::open(const fs::path& folder) {
  if (!is_one(folder)) {
    fail("comparison {}: expected a folder of an earlier comparison, got {}", folder.string(),
         fs::is_directory(folder) ? fmt::format("one without {}", kSpec)
                                  : "a path that does not exist");
  }
  ComparisonFolder result(folder);
  remove_temporaries(folder);
  result.comparison_ = read_comparison(folder / kSpec);
  result.write_configs();
  return result;
}

void ComparisonFolder::begin(Comparison comparison) {
  remove_temporaries(path_);
  comparison_ = std::move(comparison);
  write_comparison(path_ / kSpec, comparison_);
  write_configs();
}

/// For people who read the folder, and for the runs; comparison.json has them all.
void ComparisonFolder::write_configs() const {
  for (std::size_t i = 0; i < comparison_.variants.size(); ++i) {
    const ComparisonRun run{.variant = i};
    make_folder(variant_folder(run), kComparison);
    remove_temporaries(variant_folder(run));
    if (!fs::exists(config(run))) {
      write_file_atomically(config(run), comparison_.variants[i].config);
    }
  }
}

fs::path ComparisonFolder::variant_folder(const ComparisonRun& run) const {
  return path_ / comparison_.variants.at(run.variant).variant.name;
}

fs::path ComparisonFolder::config(const ComparisonRun& run) const {
  return variant_folder(run) / (comparison_.name + ".toml");
}

fs::path ComparisonFolder::run(const ComparisonRun& run) const {
  return variant_folder(run) / fmt::format("seed-{}", run.seed);
}

fs::path ComparisonFolder::log(const ComparisonRun& run) const {
  return variant_folder(run) / fmt::format("seed-{}.log", run.seed);
}

fs::path ComparisonFolder::test(const ComparisonRun& run) const {
  return variant_folder(run) / fmt::format("seed-{}.json", run.seed);
}

bool ComparisonFolder::is_done(const ComparisonRun& run) const {
  return fs::exists(test(run)) && fs::exists(this->run(run) / "metrics.csv");
}

}  // namespace quench::experiments
