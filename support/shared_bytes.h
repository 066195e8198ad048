#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <vector>

namespace quench {

/// Bytes that do not change and may be of a file: copies share them, and they live as long as the last one.
class SharedBytes {
 public:
  SharedBytes() = default;
  SharedBytes(std::vector<std::byte> bytes);  // NOLINT: a vector of bytes is one of these

  std::size_t size() const { return bytes_.size(); }
  bool empty() const { return bytes_.empty(); }
  const std::byte* data() const { return bytes_.data(); }
  auto begin() const { return bytes_.begin(); }
  auto end() const { return bytes_.end(); }
  /// `count` of them from `first` on, which must be there.
  SharedBytes part(std::size_t first, std::size_t count) const;

  /// Whether both hold the same bytes.
  friend bool operator==(const SharedBytes& a, const SharedBytes& b);

 private:
  friend SharedBytes map_file(const std::filesystem::path& path);

  std::shared_ptr<const void> owner_;
  std::span<const std::byte> bytes_;
};

/// The whole file, whose bytes take memory only where they are read; of a pipe, all that it gives.
/// The file must not become shorter while the bytes are in use.
/// @throws std::runtime_error  as read_file()
SharedBytes map_file(const std::filesystem::path& path);

}  // namespace quench
