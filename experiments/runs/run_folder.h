#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "experiments/runs/folder_lock.h"

namespace quench::experiments {

/// The folder of one training run, locked against other processes while the object lives.
///
/// All errors are std::runtime_error naming the folder.
class RunFolder {
 public:
  /// Creates `<runs>/<name>-<n>` with the first free n from 1.
  static RunFolder create(const std::filesystem::path& runs, const std::string& name);
  /// Creates `folder`, which must be absent or empty.
  static RunFolder create_at(const std::filesystem::path& folder);
  /// Opens the folder of an earlier run to resume it; removes half-written files of a killed
  /// process.
  static RunFolder open(const std::filesystem::path& folder);

  /// Whether `folder` holds a run.
  static bool is_one(const std::filesystem::path& folder);

  /// The folder that rank 0 has locked, for other ranks of its run, which write nothing there.
  static RunFolder of_rank_0(const std::filesystem::path& folder);

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path config() const { return path_ / "config.toml"; }   ///< resolved
  std::filesystem::path metrics() const { return path_ / "metrics.csv"; }  ///< see metrics.h
  /// See epoch_metrics.h.
  std::filesystem::path epoch_metrics() const { return path_ / "metrics.jsonl"; }
  std::filesystem::path log() const { return path_ / "log.txt"; }             ///< see keep_log()
  std::filesystem::path last() const { return path_ / "last.safetensors"; }   ///< newest checkpoint
  std::filesystem::path best() const { return path_ / "best.safetensors"; }   ///< best top1
  std::filesystem::path classes() const { return path_ / "classes.txt"; }     ///< see class_names.h
  std::filesystem::path versions() const { return path_ / "versions.json"; }  ///< see versions.h

 private:
  RunFolder() = default;
  explicit RunFolder(std::filesystem::path path);  // locks the folder
  std::filesystem::path path_;
  std::optional<FolderLock> lock_;
};

}  // namespace quench::experiments
