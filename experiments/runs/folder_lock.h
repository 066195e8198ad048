#pragma once

#include <filesystem>
#include <string>

namespace quench::train {

/// Keeps a folder from being used by two processes: a file ".lock" in it, locked for as long as the
/// object lives. The lock goes with the process, however it ends, so that none is left behind.
///
/// `what` names the folder in messages, e.g. "run folder". All errors are std::runtime_error.
class FolderLock {
 public:
  static constexpr const char* kName = ".lock";

  /// @throws std::runtime_error  if another process holds it (the message says which), or if it
  ///                             cannot be written
  FolderLock(const std::filesystem::path& folder, const std::string& what);
  FolderLock(FolderLock&& other) noexcept;
  FolderLock& operator=(FolderLock&& other) noexcept;
  ~FolderLock();

  /// Whether some process holds `folder`'s lock.
  static bool is_held(const std::filesystem::path& folder);

 private:
  int file_ = -1;
};

/// Makes `folder`, and those above it as needed; false if it was there already.
bool make_folder(const std::filesystem::path& folder, const std::string& what);

/// Makes `<parent>/<name>-<n>` with the first n from 1 that is free.
std::filesystem::path make_numbered_folder(const std::filesystem::path& parent,
                                           const std::string& name, const std::string& what);

/// Removes what write_file_atomically() left in a process that was killed.
void remove_temporaries(const std::filesystem::path& folder);

}  // namespace quench::train
