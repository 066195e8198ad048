#include "onnx/file/tensor_data.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>
#include <utility>

#include "onnx/file/names.h"
#include "onnx/file/skeleton.h"
#include "support/error.h"

namespace quench::onnx {
namespace {

namespace fs = std::filesystem;

/// The location of a tensor's external data.
struct Segment {
  std::string location;
  std::uint64_t offset = 0;
  std::optional<std::uint64_t> length = std::nullopt;  ///< if absent, the rest of the file
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
  if (result.location.empty()) fail("{}: external data: expected a file name, got none", where);
  return result;
}

/// Whether `path` lies in `folder`; both canonical.
bool is_inside(const fs::path& path, const fs::path& folder) {
  return std::mismatch(folder.begin(), folder.end(), path.begin(), path.end()).first ==
         folder.end();
}

/// The path of a file with external data.
fs::path find(const std::string& location, const fs::path& model_folder, const std::string& where) {
  const fs::path relative = location;
  if (relative.is_absolute() || std::ranges::find(relative, "..") != relative.end())
    fail("{}: external data: expected a file in the model's folder, got {}", where,
         in_quotes(location));
  std::error_code error;
  const fs::path folder = fs::canonical(model_folder.empty() ? "." : model_folder, error);
  fs::path path = error ? fs::path() : fs::canonical(folder / relative, error);
  if (error)
    fail("{}: external data: cannot find {} in the model's folder {}: {}", where,
         in_quotes(location), model_folder.empty() ? "." : model_folder.string(), error.message());
  if (!is_inside(path, folder))
    fail("{}: external data: {} is a link that leaves the model's folder", where,
         in_quotes(location));
  if (!fs::is_regular_file(path, error))
    fail("{}: external data: {} is not a file", where, in_quotes(location));
  return path;
}

}  // namespace

SharedBytes TensorData::of(const ::onnx::TensorProto& tensor, const std::string& where,
                           std::uint64_t bytes) {
  if (tensor.data_location() == ::onnx::TensorProto::EXTERNAL)
    return external(tensor, where, bytes);
  const auto [offset, size] = payload_place(tensor.raw_data());
  if (size != bytes) fail("{}: expected {} bytes for its dims, got {}", where, bytes, size);
  expect(offset <= file_.size() && size <= file_.size() - offset,
         "onnx: expected data within {} bytes, got {} bytes from {} on", file_.size(), size,
         offset);
  return file_.part(offset, size);
}

TensorData::External& TensorData::open(const std::string& location, const std::string& where) {
  const fs::path path = find(location, folder_, where);
  const auto [opened, added] = external_.try_emplace(path);
  if (added) opened->second.file = map_file(path);
  return opened->second;
}

SharedBytes TensorData::external(const ::onnx::TensorProto& tensor, const std::string& where,
                                 std::uint64_t bytes) {
  const Segment segment = segment_of(tensor, where);
  External& from = open(segment.location, where);
  const std::uint64_t size = from.file.size();
  if (segment.offset > size || bytes > size - segment.offset)
    fail("{}: external data: expected {} bytes from byte {} of {}, which has {}", where, bytes,
         segment.offset, in_quotes(segment.location), size);
  if (const std::uint64_t length = segment.length.value_or(size - segment.offset); length != bytes)
    fail("{}: external data: expected {} bytes for its dims, got {} in {}", where, bytes, length,
         in_quotes(segment.location));
  // Tensors that share a segment could turn a small file into any amount of memory.
  if (bytes > size - from.taken)
    fail("{}: external data: tensors take more than the {} bytes of {}", where, size,
         in_quotes(segment.location));
  from.taken += bytes;
  return from.file.part(segment.offset, bytes);
}

}  // namespace quench::onnx
