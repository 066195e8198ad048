#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace quench {

/// Receives a file's bytes piece by piece.
using FileSink = std::function<void(std::span<const std::byte>)>;

/// Size limit for text files: configs, names, labels.
inline constexpr std::uintmax_t kMaxTextBytes = std::uintmax_t{16} << 20;

/// Reads a whole file, or a pipe to its end.
/// @param max_bytes  0: half of the machine's memory, since the unpacked contents need the rest
/// @throws std::runtime_error  naming path and reason: for a folder or device, a file larger than
///                             `max_bytes`, or a file that shrinks during the read
std::vector<std::byte> read_file(const std::filesystem::path& path, std::uintmax_t max_bytes = 0);
/// The same as text.
std::string read_text(const std::filesystem::path& path, std::uintmax_t max_bytes = 0);

/// Replaces `path` atomically: after a crash or on a full disk, it holds either the old contents or
/// the complete new ones. The bytes that `produce` hands to the sink go to a temporary file in the
/// same folder ("<name>.<pid>-<n>.tmp"), which is synced to disk and renamed over `path`; then the
/// folder is synced. On error the temporary file is removed. A symbolic link is kept, and its
/// target is replaced. Devices, pipes and descriptors in /dev/fd are written directly.
/// @throws std::runtime_error  naming the path and the system's reason
void write_file_atomically(const std::filesystem::path& path,
                           const std::function<void(const FileSink&)>& produce);
void write_file_atomically(const std::filesystem::path& path, std::span<const std::byte> bytes);
void write_file_atomically(const std::filesystem::path& path, std::string_view text);

/// Appends `text` to `path`, which is created if missing, and syncs it to disk.
/// @throws std::runtime_error  naming the path and the system's reason
void append_to_file(const std::filesystem::path& path, std::string_view text);

}  // namespace quench
