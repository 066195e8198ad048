#pragma once

#include <filesystem>
#include <string>

#include "experiments/compare/comparison.h"
#include "experiments/runs/folder_lock.h"

namespace quench::experiments {

/// The folder of one comparison, locked against other processes while the object lives:
///
///   comparison.json       the comparison (Comparison)
///   <variant>/<name>.toml the variant's config
///   <variant>/seed-<s>/   a normal run folder (RunFolder)
///   <variant>/seed-<s>.log, .json  the run's output; its test accuracy, once it is done
///   compare.csv, compare.json      results so far (comparison_report.h)
///
/// All errors are std::runtime_error naming the folder.
class ComparisonFolder {
 public:
  /// Creates `<runs>/compare-<name>-<n>` with the first free n from 1.
  static ComparisonFolder create(const std::filesystem::path& runs, Comparison comparison);
  /// Creates `folder`, which must be absent or empty.
  static ComparisonFolder create_at(const std::filesystem::path& folder, Comparison comparison);
  /// Opens the folder of an earlier comparison to resume it.
  static ComparisonFolder open(const std::filesystem::path& folder);
  /// Whether `folder` holds a comparison.
  static bool is_one(const std::filesystem::path& folder);

  const std::filesystem::path& path() const { return path_; }
  const Comparison& comparison() const { return comparison_; }
  std::filesystem::path csv() const { return path_ / "compare.csv"; }
  std::filesystem::path json() const { return path_ / "compare.json"; }

  std::filesystem::path config(const ComparisonRun& run) const;
  std::filesystem::path run(const ComparisonRun& run) const;
  std::filesystem::path log(const ComparisonRun& run) const;
  /// The output of `quench eval --json` for the finished run. Written last, so a run with this file
  /// is done.
  std::filesystem::path test(const ComparisonRun& run) const;
  bool is_done(const ComparisonRun& run) const;

 private:
  explicit ComparisonFolder(std::filesystem::path path);  // locks the folder
  void begin(Comparison comparison);
  void write_configs() const;
  std::filesystem::path variant_folder(const ComparisonRun& run) const;

  std::filesystem::path path_;
  FolderLock lock_;
  Comparison comparison_;
};

}  // namespace quench::experiments
