#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <vector>

namespace quench {

/// Immutable bytes, possibly of a mapped file. Copies share them, and the last copy frees them.
class SharedBytes {
 public:
  SharedBytes() = default;
  SharedBytes(std::vector<std::byte> bytes);  // NOLINT: implicit on purpose

  std::size_t size() const { return bytes_.size(); }
  bool empty() const { return bytes_.empty(); }
  const std::byte* data() const { return bytes_.data(); }
  auto begin() const { return bytes_.begin(); }
  auto end() const { return bytes_.end(); }
  /// The range [first, first + count), which must lie inside.
  SharedBytes part(std::size_t first, std::size_t count) const;

  friend bool operator==(const SharedBytes& a, const SharedBytes& b);

 private:
  friend SharedBytes map_file(const std::filesystem::path& path);

  std::shared_ptr<const void> owner_;
  std::span<const std::byte> bytes_;
};

/// Maps a whole file: pages are loaded only when they are read. A pipe is read to its end. The file
/// must not shrink while the bytes are in use.
/// @throws std::runtime_error  as read_file()
SharedBytes map_file(const std::filesystem::path& path);

}  // namespace quench
