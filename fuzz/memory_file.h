#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>

#include "fuzz/target.h"

namespace quench::fuzz {

/// A file in memory, for readers that take a path.
class MemoryFile {
 public:
  MemoryFile() : file_(::memfd_create("input", MFD_CLOEXEC)) { promise(file_ >= 0); }
  ~MemoryFile() { ::close(file_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  void write(const std::uint8_t* data, std::size_t size) {
    promise(::ftruncate(file_, 0) == 0);
    promise(::pwrite(file_, data, size, 0) == static_cast<ssize_t>(size));
  }
  std::filesystem::path path() const { return "/proc/self/fd/" + std::to_string(file_); }

 private:
  int file_;
};

}  // namespace quench::fuzz
