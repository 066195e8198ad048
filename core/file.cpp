#include "core/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <utility>

#include "core/error.h"

namespace quench {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail_with_errno(const char* what, const fs::path& path) {
  const int reason = errno;
  fail("{} {}: {}", what, path.string(), std::strerror(reason));
}

class Descriptor {
 public:
  Descriptor(const fs::path& path, int flags)
      : fd_(::open(path.c_str(), flags | O_CLOEXEC, 0666)) {}
  ~Descriptor() { close(); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  bool ok() const { return fd_ >= 0; }
  int get() const { return fd_; }
  int close() { return fd_ >= 0 ? ::close(std::exchange(fd_, -1)) : 0; }

 private:
  int fd_;
};

/// `path` is the name to put into an error.
void write_all(int fd, std::span<const std::byte> bytes, const fs::path& path) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail_with_errno("cannot write", path);
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
}

void sync_folder(const fs::path& folder) {
  const Descriptor opened(folder, O_RDONLY | O_DIRECTORY);
  // Some network file systems cannot sync a folder; the data itself is already safe then.
  if (opened.ok() && ::fsync(opened.get()) != 0 && errno != EINVAL && errno != ENOTSUP) {
    fail_with_errno("cannot sync folder", folder);
  }
}

fs::path folder_of(const fs::path& path) {
  return path.has_parent_path() ? path.parent_path() : fs::path(".");
}

fs::path temporary_for(const fs::path& path) {
  static std::atomic<unsigned> count{0};
  fs::path result = path;
  result += fmt::format(".{}-{}.tmp", ::getpid(), count++);
  return result;
}

/// Removes the file unless told to keep it.
class Temporary {
 public:
  explicit Temporary(fs::path path) : path_(std::move(path)) {}
  ~Temporary() {
    if (!path_.empty()) ::unlink(path_.c_str());
  }
  Temporary(const Temporary&) = delete;
  Temporary& operator=(const Temporary&) = delete;
  const fs::path& path() const { return path_; }
  void keep() { path_.clear(); }

 private:
  fs::path path_;
};

}  // namespace

std::vector<std::byte> read_file(const fs::path& path) {
  const Descriptor file(path, O_RDONLY);
  if (!file.ok()) fail_with_errno("cannot open", path);
  struct stat info {};
  if (::fstat(file.get(), &info) != 0) fail_with_errno("cannot read", path);
  // One byte more than the size, so that the end is seen without growing. Pipes and /proc say 0.
  std::vector<std::byte> bytes(static_cast<std::size_t>(info.st_size) + 1);
  std::size_t used = 0;
  for (;;) {
    const ssize_t count = ::read(file.get(), bytes.data() + used, bytes.size() - used);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail_with_errno("cannot read", path);
    if (count == 0) break;
    used += static_cast<std::size_t>(count);
    if (used == bytes.size()) bytes.resize(2 * used);
  }
  // Half a file would pass for a whole one where its format has no length.
  if (const auto expected = static_cast<std::size_t>(info.st_size); used < expected) {
    fail("cannot read {}: it became shorter while it was read (expected {} bytes, got {})",
         path.string(), expected, used);
  }
  bytes.resize(used);
  return bytes;
}

void write_file_atomically(const fs::path& path,
                           const std::function<void(const FileSink&)>& produce) {
  const fs::path temporary_path = temporary_for(path);
  // Never opened over an existing file: whatever has that name is not ours to remove.
  Descriptor file(temporary_path, O_WRONLY | O_CREAT | O_EXCL);
  if (!file.ok()) fail_with_errno("cannot write", path);
  Temporary temporary(temporary_path);
  produce([&](std::span<const std::byte> bytes) { write_all(file.get(), bytes, path); });
  if (::fsync(file.get()) != 0 || file.close() != 0) fail_with_errno("cannot write", path);
  if (::rename(temporary.path().c_str(), path.c_str()) != 0) fail_with_errno("cannot write", path);
  temporary.keep();
  sync_folder(folder_of(path));
}

void write_file_atomically(const fs::path& path, std::span<const std::byte> bytes) {
  write_file_atomically(path, [&](const FileSink& write) { write(bytes); });
}

void write_file_atomically(const fs::path& path, std::string_view text) {
  write_file_atomically(path, std::as_bytes(std::span(text)));
}

void append_to_file(const fs::path& path, std::string_view text) {
  Descriptor file(path, O_WRONLY | O_CREAT | O_APPEND);
  if (!file.ok()) fail_with_errno("cannot write", path);
  write_all(file.get(), std::as_bytes(std::span(text)), path);
  if (::fsync(file.get()) != 0 || file.close() != 0) fail_with_errno("cannot write", path);
}

}  // namespace quench
