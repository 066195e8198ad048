#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

namespace quench {

/// Receives a file's bytes piece by piece.
using FileSink = std::function<void(std::span<const std::byte>)>;

/// The whole file. @throws std::runtime_error  naming path and reason, also if it shrinks meanwhile
std::vector<std::byte> read_file(const std::filesystem::path& path);

/// Writes `path` so that a reader, a crash or a full disk finds either the old file or the complete
/// new one: the bytes that `produce` hands to the sink go to a temporary file beside it
/// ("<name>.<pid>-<n>.tmp"), which is synced to disk, renamed over `path`, and the folder synced.
/// On an error the temporary is removed.
/// @throws std::runtime_error  naming the path and the system's reason
void write_file_atomically(const std::filesystem::path& path,
                           const std::function<void(const FileSink&)>& produce);
void write_file_atomically(const std::filesystem::path& path, std::span<const std::byte> bytes);
void write_file_atomically(const std::filesystem::path& path, std::string_view text);

/// Adds `text` at the end of `path`, made if absent, and syncs it to disk.
/// @throws std::runtime_error  naming the path and the system's reason
void append_to_file(const std::filesystem::path& path, std::string_view text);

}  // namespace quench
