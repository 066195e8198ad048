#pragma once

// Private to the sources in support/ that open files.

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <span>
#include <utility>

#include "support/error.h"

namespace quench {

/// Throws std::runtime_error("<what> <path>: <strerror(errno)>").
[[noreturn]] inline void fail_with_errno(const char* what, const std::filesystem::path& path) {
  const int reason = errno;
  fail("{} {}: {}", what, path.string(), std::strerror(reason));
}

/// An open file.
class Descriptor {
 public:
  Descriptor(const std::filesystem::path& path, int flags)
      : fd_(::open(path.c_str(), flags | O_CLOEXEC, 0666)) {}
  /// Duplicates an open descriptor.
  explicit Descriptor(int opened) : fd_(::fcntl(opened, F_DUPFD_CLOEXEC, 0)) {}
  ~Descriptor() { close(); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  bool ok() const { return fd_ >= 0; }
  int get() const { return fd_; }
  int close() { return fd_ >= 0 ? ::close(std::exchange(fd_, -1)) : 0; }

  /// @param path  for error messages
  void write_all(std::span<const std::byte> bytes, const std::filesystem::path& path) const {
    while (!bytes.empty()) {
      const ssize_t written = ::write(fd_, bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) fail_with_errno("cannot write", path);
      bytes = bytes.subspan(static_cast<std::size_t>(written));
    }
  }

  /// Syncs the file to disk and closes it.
  void finish(const std::filesystem::path& path) {
    if (::fsync(fd_) != 0 || close() != 0) fail_with_errno("cannot write", path);
  }

 private:
  int fd_;
};

}  // namespace quench
