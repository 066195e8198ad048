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

/// The whole file, or all that a pipe gives.
/// @param max_bytes  0: half of the machine's memory, since the unpacked contents need the rest
/// @throws std::runtime_error  naming path and reason: for a folder or a device, a file larger than
///                             `max_bytes`, and one that shrinks meanwhile
std::vector<std::byte> read_file(const std::filesystem::path& path, std::uintmax_t max_bytes = 0);
/// The same as text.
std::string read_text(const std::filesystem::path& path, std::uintmax_t max_bytes = 0);

/// Writes `path` so that a reader, a crash or a full disk finds either the old file or the complete
/// new one: the bytes that `produce` hands to the sink go to a temporary file beside it
/// ("<name>.<pid>-<n>.tmp"), which is synced to disk, renamed over `path`, and the folder synced.
/// On an error the temporary is removed. A symbolic link stays, and its target is replaced.
/// Devices, pipes and descriptors in /dev/fd are written directly.
/// @throws std::runtime_error  naming the path and the system's reason
void write_file_atomically(const std::filesystem::path& path,
                           const std::function<void(const FileSink&)>& produce);
void write_file_atomically(const std::filesystem::path& path, std::span<const std::byte> bytes);
void write_file_atomically(const std::filesystem::path& path, std::string_view text);

/// Adds `text` at the end of `path`, made if absent, and syncs it to disk.
/// @throws std::runtime_error  naming the path and the system's reason
void append_to_file(const std::filesystem::path& path, std::string_view text);

}  // namespace quench
