#include <sys/stat.h>

#include <atomic>
#include <charconv>
#include <functional>
#include <string>
#include <utility>

#include "support/descriptor.h"
#include "support/file.h"

namespace quench {
namespace {

namespace fs = std::filesystem;

void sync_folder(const fs::path& folder) {
  const Descriptor opened(folder, O_RDONLY | O_DIRECTORY);
  // Some network file systems cannot sync a folder; the data itself is already safe.
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

/// Removes the file on destruction, unless keep() was called.
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

/// The file at the end of a chain of symbolic links, which need not exist; empty if the target must
/// be written directly.
fs::path replaceable(const fs::path& path) {
  constexpr int kMaxLinks = 40;  // Linux's own limit
  fs::path target = path;
  std::error_code error;
  for (int i = 0; i < kMaxLinks && fs::is_symlink(target, error); ++i) {
    // A link in /proc is an open file; the path that it shows may no longer exist.
    if (fs::canonical(folder_of(target), error).string().starts_with("/proc/")) return {};
    target = folder_of(target) / fs::read_symlink(target, error);
  }
  if (fs::is_symlink(target, error)) return {};  // a cycle; open() reports it
  const fs::file_status status = fs::status(target, error);
  return fs::is_regular_file(status) || !fs::exists(status) ? target : fs::path();
}

/// The number N of /dev/fd/N, else -1. Opening that path would fail if it is a socket.
int descriptor_of(const fs::path& path) {
  if (path.parent_path() != "/dev/fd") return -1;
  const std::string number = path.filename().string();
  int fd = -1;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), fd);
  return error == std::errc{} && end == number.data() + number.size() ? fd : -1;
}

void write_straight(const fs::path& path, const std::function<void(const FileSink&)>& produce) {
  const int fd = descriptor_of(path);
  // Appends, because an open file may already hold other output.
  Descriptor file = fd >= 0 ? Descriptor(fd) : Descriptor(path, O_WRONLY | O_APPEND);
  if (!file.ok()) fail_with_errno("cannot write", path);
  produce([&](std::span<const std::byte> bytes) { file.write_all(bytes, path); });
  if (file.close() != 0) fail_with_errno("cannot write", path);
}

void replace(const fs::path& path, const std::function<void(const FileSink&)>& produce) {
  const fs::path temporary_path = temporary_for(path);
  // O_EXCL: an existing file of that name is not ours to remove.
  Descriptor file(temporary_path, O_WRONLY | O_CREAT | O_EXCL);
  if (!file.ok()) fail_with_errno("cannot write", path);
  Temporary temporary(temporary_path);
  // Keeps the permissions of the old file, if the file system has them.
  struct stat old {};
  if (::stat(path.c_str(), &old) == 0) ::fchmod(file.get(), old.st_mode & 07777u);
  produce([&](std::span<const std::byte> bytes) { file.write_all(bytes, path); });
  file.finish(path);
  if (::rename(temporary.path().c_str(), path.c_str()) != 0) fail_with_errno("cannot write", path);
  temporary.keep();
  sync_folder(folder_of(path));
}

}  // namespace

void write_file_atomically(const fs::path& path,
                           const std::function<void(const FileSink&)>& produce) {
  const fs::path target = replaceable(path);
  target.empty() && !path.empty() ? write_straight(path, produce) : replace(target, produce);
}

void write_file_atomically(const fs::path& path, std::span<const std::byte> bytes) {
  write_file_atomically(path, [&](const FileSink& write) { write(bytes); });
}

void write_file_atomically(const fs::path& path, std::string_view text) {
  write_file_atomically(path, std::as_bytes(std::span(text)));
}

}  // namespace quench
