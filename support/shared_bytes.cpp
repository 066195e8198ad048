#include "support/shared_bytes.h"

#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "support/descriptor.h"
#include "support/file.h"

namespace quench {

SharedBytes::SharedBytes(std::vector<std::byte> bytes) {
  const auto owner = std::make_shared<const std::vector<std::byte>>(std::move(bytes));
  bytes_ = *owner;
  owner_ = owner;
}

SharedBytes SharedBytes::part(std::size_t first, std::size_t count) const {
  SharedBytes result = *this;
  result.bytes_ = bytes_.subspan(first, count);
  return result;
}

bool operator==(const SharedBytes& a, const SharedBytes& b) {
  return std::ranges::equal(a.bytes_, b.bytes_);
}

SharedBytes map_file(const std::filesystem::path& path) {
  // read_file() reads a pipe or rejects a folder. Checked before opening: a pipe that is opened
  // twice loses the bytes written in between.
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(path, ignored)) return read_file(path);
  const Descriptor file(path, O_RDONLY);
  if (!file.ok()) fail_with_errno("cannot open", path);
  struct stat info {};
  if (::fstat(file.get(), &info) != 0) fail_with_errno("cannot read", path);
  if (!S_ISREG(info.st_mode) || info.st_size == 0) return read_file(path);  // e.g. files in /proc
  const auto size = static_cast<std::size_t>(info.st_size);
  void* const begin = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.get(), 0);
  if (begin == MAP_FAILED) return read_file(path);  // this file system does not support mmap
  SharedBytes result;
  result.owner_ =
      std::shared_ptr<const void>(begin, [size](void* mapped) { ::munmap(mapped, size); });
  result.bytes_ = {static_cast<const std::byte*>(begin), size};
  return result;
}

}  // namespace quench
