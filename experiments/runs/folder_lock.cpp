#include "experiments/runs/folder_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <regex>
#include <utility>

#include "support/error.h"

namespace quench::experiments {
namespace {

namespace fs = std::filesystem;

std::string holder_of(int lock) {
  char text[32] = {};
  const ssize_t size = ::pread(lock, text, sizeof(text) - 1, 0);
  return size > 0 ? fmt::format("process {}", text) : "another process";
}

}  // namespace

FolderLock::FolderLock(const fs::path& folder, const std::string& what) {
  const fs::path path = folder / kName;
  const int lock = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (lock < 0) fail("{} {}: cannot write to it: {}", what, folder.string(), std::strerror(errno));
  if (::flock(lock, LOCK_EX | LOCK_NB) != 0) {
    const int reason = errno;
    const std::string holder = holder_of(lock);
    ::close(lock);
    if (reason == EWOULDBLOCK) fail("{} {}: in use by {}", what, folder.string(), holder);
    fail("{} {}: cannot lock it: {}", what, folder.string(), std::strerror(reason));
  }
  const std::string pid = std::to_string(::getpid());
  const bool written = ::ftruncate(lock, 0) == 0 && ::pwrite(lock, pid.data(), pid.size(), 0) > 0;
  if (!written) {
    const int reason = errno;
    ::close(lock);
    fail("{} {}: cannot write to it: {}", what, folder.string(), std::strerror(reason));
  }
  file_ = lock;
}

FolderLock::FolderLock(FolderLock&& other) noexcept : file_(std::exchange(other.file_, -1)) {}

FolderLock& FolderLock::operator=(FolderLock&& other) noexcept {
  std::swap(file_, other.file_);
  return *this;
}

FolderLock::~FolderLock() {
  if (file_ >= 0) ::close(file_);
}

bool FolderLock::is_held(const fs::path& folder) {
  const int lock = ::open((folder / kName).c_str(), O_RDONLY | O_CLOEXEC);
  if (lock < 0) return false;
  const bool held = ::flock(lock, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
  ::close(lock);
  return held;
}

bool make_folder(const fs::path& folder, const std::string& what) {
  std::error_code error;
  if (folder.has_parent_path()) fs::create_directories(folder.parent_path(), error);
  if (error) fail("{} {}: cannot create it: {}", what, folder.string(), error.message());
  if (::mkdir(folder.c_str(), 0777) == 0) return true;
  if (errno != EEXIST)
    fail("{} {}: cannot create it: {}", what, folder.string(), std::strerror(errno));
  return false;
}

fs::path make_numbered_folder(const fs::path& parent, const std::string& name,
                              const std::string& what) {
  // mkdir decides who gets a number, so runs that start together get different folders.
  for (int n = 1;; ++n) {
    fs::path folder = parent / fmt::format("{}-{}", name, n);
    if (make_folder(folder, what)) return folder;
  }
}

void remove_temporaries(const fs::path& folder) {
  // The names that write_file_atomically() and `quench compare` use; a user's own files stay.
  static const std::regex form(R"(.+\.[0-9]+-[0-9]+\.tmp|seed-[0-9]+\.json\.tmp)");
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    std::error_code ignored;
    if (std::regex_match(entry.path().filename().string(), form)) fs::remove(entry.path(), ignored);
  }
}

}  // namespace quench::experiments
