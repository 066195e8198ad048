#pragma once

#include <filesystem>
#include <string>

namespace quench::experiments {

/// Prevents two processes from using one folder: locks a file ".lock" in it while the object lives.
/// The lock disappears with the process, however it ends.
///
/// `what` names the folder in messages, e.g. "run folder". All errors are std::runtime_error.
class FolderLock {
 public:
  static constexpr const char* kName = ".lock";

  /// @throws std::runtime_error  if another process holds the lock (the message names it), or if
  ///                             the folder is not writable
  FolderLock(const std::filesystem::path& folder, const std::string& what);
  FolderLock(FolderLock&& other) noexcept;
  FolderLock& operator=(FolderLock&& other) noexcept;
  ~FolderLock();

  /// Whether a process holds `folder`'s lock.
  static bool is_held(const std::filesystem::path& folder);

 private:
  int file_ = -1;
};

/// Creates `folder` and its parents as needed; false if it already existed.
bool make_folder(const std::filesystem::path& folder, const std::string& what);

/// Creates `<parent>/<name>-<n>` with the first free n from 1.
std::filesystem::path make_numbered_folder(const std::filesystem::path& parent,
                                           const std::string& name, const std::string& what);

/// Removes temporary files of write_file_atomically() that a killed process has left.
void remove_temporaries(const std::filesystem::path& folder);

}  // namespace quench::experiments
