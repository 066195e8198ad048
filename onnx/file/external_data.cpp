#include "onnx/file/external_data.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <optional>
#include <string_view>
#include <utility>

#include "onnx/file/names.h"
#include "support/error.h"

namespace quench::onnx_file {
namespace {

namespace fs = std::filesystem;

/// What a tensor says of its place.
struct Segment {
  std::string location;
  std::uint64_t offset = 0;
  std::optional<std::uint64_t> length = std::nullopt;  ///< the rest of the file without
};

std::uint64_t parse_bytes(const std::string& text, const char* key, const std::string& where) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size())
    fail("{}: external data: expected {} in bytes, got {}", where, key, in_quotes(text));
  return value;
}

Segment segment_of(const ::onnx::TensorProto& tensor, const std::string& where) {
  Segment result;
  for (const auto& entry : tensor.external_data()) {
    if (entry.key() == "location") result.location = entry.value();
    if (entry.key() == "offset") result.offset = parse_bytes(entry.value(), "offset", where);
    if (entry.key() == "length") result.length = parse_bytes(entry.value(), "length", where);
  }
  checked_name(result.location, where + ": external data");
  if (result.location.empty()) fail("{}: external data: no file is named", where);
  return result;
}

/// Whether `path` lies in `folder`; both canonical.
bool is_inside(const fs::path& path, const fs::path& folder) {
  return std::mismatch(folder.begin(), folder.end(), path.begin(), path.end()).first ==
         folder.end();
}

std::vector<std::byte> read_segment(const fs::path& path, std::uint64_t offset, std::uint64_t size,
                                    const std::string& where) {
  std::vector<std::byte> bytes(size);
  std::ifstream file(path, std::ios::binary);
  file.seekg(static_cast<std::streamoff>(offset));
  file.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(size));
  if (!file) fail("{}: external data: cannot read {}", where, path.string());
  return bytes;
}

}  // namespace

fs::path ExternalData::find(const std::string& location, const std::string& where) const {
  const fs::path relative = location;
  if (relative.is_absolute() || std::ranges::find(relative, "..") != relative.end())
    fail("{}: external data: expected a file in the model's folder, got {}", where,
         in_quotes(location));
  std::error_code error;
  const fs::path folder = fs::canonical(folder_.empty() ? "." : folder_, error);
  fs::path path = error ? fs::path() : fs::canonical(folder / relative, error);
  if (error)
    fail("{}: its numbers lie in {}, which is not beside the model in {}: {}", where,
         in_quotes(location), folder_.empty() ? "." : folder_.string(), error.message());
  if (!is_inside(path, folder))
    fail("{}: external data: {} is a link that leaves the model's folder", where,
         in_quotes(location));
  if (!fs::is_regular_file(path, error))
    fail("{}: external data: {} is not a file", where, in_quotes(location));
  return path;
}

std::vector<std::byte> ExternalData::read(const ::onnx::TensorProto& tensor,
                                          const std::string& where, std::uint64_t bytes) {
  const Segment segment = segment_of(tensor, where);
  const fs::path path = find(segment.location, where);
  const std::uint64_t size = fs::file_size(path);
  if (segment.offset > size || bytes > size - segment.offset)
    fail("{}: external data: expected {} bytes from byte {} of {}, which has {}", where, bytes,
         segment.offset, in_quotes(segment.location), size);
  if (const std::uint64_t length = segment.length.value_or(size - segment.offset); length != bytes)
    fail("{}: external data: expected {} bytes for its dims, got {} in {}", where, bytes, length,
         in_quotes(segment.location));
  // Tensors that share a segment would turn a small file into any amount of memory.
  std::uint64_t& taken = taken_[path];
  if (bytes > size - taken)
    fail("{}: external data: tensors take more than the {} bytes of {}", where, size,
         in_quotes(segment.location));
  taken += bytes;
  return read_segment(path, segment.offset, bytes, where);
}

}  // namespace quench::onnx_file
