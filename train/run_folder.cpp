#include "train/run_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

#include "core/error.h"
#include "core/file.h"

namespace quench::train {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kLockName = ".lock";

/// Makes the folder, and those above it as needed, and reports whether it was there already.
bool make_folder(const fs::path& folder) {
  std::error_code error;
  if (folder.has_parent_path()) fs::create_directories(folder.parent_path(), error);
  if (error) fail("run folder {}: cannot make it: {}", folder.string(), error.message());
  if (::mkdir(folder.c_str(), 0777) == 0) return true;
  if (errno != EEXIST)
    fail("run folder {}: cannot make it: {}", folder.string(), std::strerror(errno));
  return false;
}

std::string holder_of(int lock) {
  char text[32] = {};
  const ssize_t size = ::pread(lock, text, sizeof(text) - 1, 0);
  return size > 0 ? fmt::format("process {}", text) : "another process";
}

/// The lock goes with the process, however it ends, so that none is ever left behind.
int lock_folder(const fs::path& folder) {
  const fs::path path = folder / kLockName;
  const int lock = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (lock < 0)
    fail("run folder {}: cannot write into it: {}", folder.string(), std::strerror(errno));
  if (::flock(lock, LOCK_EX | LOCK_NB) != 0) {
    const int reason = errno;
    const std::string holder = holder_of(lock);
    ::close(lock);
    if (reason == EWOULDBLOCK) fail("run folder {}: in use by {}", folder.string(), holder);
    fail("run folder {}: cannot lock it: {}", folder.string(), std::strerror(reason));
  }
  const std::string pid = std::to_string(::getpid());
  const bool written = ::ftruncate(lock, 0) == 0 && ::pwrite(lock, pid.data(), pid.size(), 0) > 0;
  if (!written) {
    const int reason = errno;
    ::close(lock);
    fail("run folder {}: cannot write into it: {}", folder.string(), std::strerror(reason));
  }
  return lock;
}

/// Temporaries of write_file_atomically() in a process that was killed.
void remove_temporaries(const fs::path& folder) {
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    std::error_code ignored;
    if (entry.path().extension() == ".tmp") fs::remove(entry.path(), ignored);
  }
}

}  // namespace

RunFolder::RunFolder(fs::path path) : path_(std::move(path)), lock_(lock_folder(path_)) {}

RunFolder::RunFolder(RunFolder&& other) noexcept
    : path_(std::move(other.path_)), lock_(std::exchange(other.lock_, -1)) {}

RunFolder& RunFolder::operator=(RunFolder&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(lock_, other.lock_);
  return *this;
}

RunFolder::~RunFolder() {
  if (lock_ >= 0) ::close(lock_);
}

RunFolder RunFolder::create(const fs::path& runs, const std::string& name) {
  // mkdir decides who gets a number, so that runs started together end up in different folders.
  for (int n = 1;; ++n) {
    const fs::path folder = runs / fmt::format("{}-{}", name, n);
    if (make_folder(folder)) return RunFolder(folder);
  }
}

RunFolder RunFolder::create_at(const fs::path& folder) {
  if (make_folder(folder)) return RunFolder(folder);
  if (!fs::is_directory(folder))
    fail("run folder {}: expected a folder, got a file", folder.string());
  // Looked at before the lock, so that a refused folder is left as it was.
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (name == kLockName) continue;
    fail(
        "run folder {}: expected a new or empty folder, got one that holds {}; resume that run or "
        "choose another",
        folder.string(), name);
  }
  return RunFolder(folder);
}

RunFolder RunFolder::open(const fs::path& folder) {
  if (!fs::exists(folder / "config.toml")) {
    fail("run folder {}: expected a folder of an earlier run, got {}", folder.string(),
         fs::is_directory(folder) ? "one without config.toml" : "none there");
  }
  RunFolder result(folder);
  remove_temporaries(folder);
  return result;
}

}  // namespace quench::train
