#include "support/file.h"

#include <sys/stat.h>

#include <algorithm>

#include "support/descriptor.h"

namespace quench {
namespace {

namespace fs = std::filesystem;

std::uintmax_t half_of_memory() {
  return static_cast<std::uintmax_t>(::sysconf(_SC_PHYS_PAGES)) / 2 *
         static_cast<std::uintmax_t>(::sysconf(_SC_PAGESIZE));
}

void check_size(std::uintmax_t size, std::uintmax_t max_bytes, const fs::path& path) {
  if (size > max_bytes)
    fail("cannot read {}: expected at most {} bytes, got {}", path.string(), max_bytes, size);
}

/// The size that the system reports: 0 for pipes and files in /proc.
std::size_t known_size(const Descriptor& file, std::uintmax_t max_bytes, const fs::path& path) {
  struct stat info {};
  if (::fstat(file.get(), &info) != 0) fail_with_errno("cannot read", path);
  // A device such as /dev/zero may never end.
  if (S_ISCHR(info.st_mode) || S_ISBLK(info.st_mode))
    fail("cannot read {}: expected a file, got a device", path.string());
  check_size(static_cast<std::uintmax_t>(info.st_size), max_bytes, path);
  return static_cast<std::size_t>(info.st_size);
}

}  // namespace

std::vector<std::byte> read_file(const fs::path& path, std::uintmax_t max_bytes) {
  if (max_bytes == 0) max_bytes = half_of_memory();
  const Descriptor file(path, O_RDONLY);
  if (!file.ok()) fail_with_errno("cannot open", path);
  const std::size_t expected = known_size(file, max_bytes, path);
  // One extra byte lets read() reach the end of the file without growing the buffer.
  std::vector<std::byte> bytes(expected + 1);
  std::size_t used = 0;
  for (;;) {
    const ssize_t count = ::read(file.get(), bytes.data() + used, bytes.size() - used);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail_with_errno("cannot read", path);
    if (count == 0) break;
    used += static_cast<std::size_t>(count);
    check_size(used, max_bytes, path);
    if (used == bytes.size()) bytes.resize(std::min<std::uintmax_t>(2 * used, max_bytes + 1));
  }
  // A format without a length field cannot distinguish half a file from a whole one.
  if (used < expected) {
    fail("cannot read {}: it shrank during the read (expected {} bytes, got {})", path.string(),
         expected, used);
  }
  bytes.resize(used);
  return bytes;
}

std::string read_text(const fs::path& path, std::uintmax_t max_bytes) {
  const std::vector<std::byte> bytes = read_file(path, max_bytes);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

void append_to_file(const fs::path& path, std::string_view text) {
  Descriptor file(path, O_WRONLY | O_CREAT | O_APPEND);
  if (!file.ok()) fail_with_errno("cannot write", path);
  file.write_all(std::as_bytes(std::span(text)), path);
  file.finish(path);
}

}  // namespace quench
