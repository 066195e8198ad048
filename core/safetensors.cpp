#include "core/safetensors.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "core/safetensors_format.h"
#include "support/error.h"
#include "support/file.h"
#include "support/strict_json.h"

namespace quench {
namespace {

using nlohmann::json;
using namespace safetensors;
using Bytes = std::span<const std::byte>;

constexpr std::uint64_t kMaxHeader = 100'000'000;   // the limit of the reference implementation
constexpr std::uint64_t kMaxElements = 1ULL << 48;  // that of Shape
constexpr std::size_t kMaxDepth = 3;                // {tensor: {shape: [..]}}

/// One entry of the header, checked.
struct Entry {
  std::string name;
  std::uint64_t begin = 0, end = 0;  // bytes of the data section
  bool wanted = true;
  const StoredType* type = nullptr;  // set only if wanted, like the shape
  std::vector<std::int64_t> shape = {};
};

std::uint64_t header_length(Bytes file, const std::string& path) {
  if (file.size() < kLengthBytes) {
    fail("{}: expected at least {} bytes, got {}", path, kLengthBytes, file.size());
  }
  std::uint64_t length = 0;
  std::memcpy(&length, file.data(), kLengthBytes);
  const std::uint64_t limit = std::min<std::uint64_t>(kMaxHeader, file.size() - kLengthBytes);
  if (length > limit) {
    fail("{}: expected a header of at most {} bytes, got {} (file of {} bytes)", path, limit,
         length, file.size());
  }
  return length;
}

json parse_header(Bytes bytes, const std::string& path) {
  json header = parse_strict_json(bytes, kMaxDepth, path + ": header");
  if (!header.is_object()) fail("{}: expected a header that is a JSON object", path);
  return header;
}

const json& member(const json& entry, const char* key, const std::string& where) {
  const auto found = entry.find(key);
  if (found == entry.end()) fail("{}: '{}' is missing", where, key);
  return *found;
}

/// A list of integers from 0 to `limit`.
std::vector<std::uint64_t> sizes(const json& list, std::uint64_t limit, const std::string& where) {
  if (!list.is_array()) fail("{}: expected a list of integers, got {}", where, list.dump());
  std::vector<std::uint64_t> result;
  for (const json& size : list) {
    if (!size.is_number_unsigned() || size.get<std::uint64_t>() > limit) {
      fail("{}: expected integers in 0..{}, got {}", where, limit, size.dump());
    }
    result.push_back(size.get<std::uint64_t>());
  }
  return result;
}

std::uint64_t count_elements(const std::vector<std::uint64_t>& shape, const std::string& where) {
  std::uint64_t count = 1;
  for (const std::uint64_t size : shape) {
    if (size != 0 && count > kMaxElements / size)
      fail("{}: more than {} elements", where, kMaxElements);
    count *= size;
  }
  return count;
}

/// Reads the name and the byte range.
Entry read_place(const std::string& name, const json& entry, std::uint64_t data_bytes,
                 const std::string& where) {
  if (!entry.is_object()) fail("{}: expected an object, got {}", where, entry.dump());
  const auto range =
      sizes(member(entry, "data_offsets", where), data_bytes, where + ": data_offsets");
  if (range.size() != 2 || range[0] > range[1]) {
    fail("{}: expected data_offsets [begin, end], got {}", where, entry["data_offsets"].dump());
  }
  return {.name = name, .begin = range[0], .end = range[1]};
}

void read_type(Entry& result, const json& entry, const std::string& where) {
  const json& type = member(entry, "dtype", where);
  result.type = type.is_string() ? stored_type(type.get_ref<const std::string&>()) : nullptr;
  if (result.type == nullptr)
    fail("{}: expected a dtype of {}, got {}", where, stored_type_names(), type.dump());

  const auto shape = sizes(member(entry, "shape", where), kMaxElements - 1, where + ": shape");
  if (shape.size() > Shape::kMaxRank) {
    fail("{}: expected at most {} axes, got {}", where, Shape::kMaxRank, shape.size());
  }
  const std::uint64_t bytes = result.end - result.begin;
  const std::uint64_t count = count_elements(shape, where);
  if (count * result.type->bytes != bytes) {
    fail("{}: expected {} bytes for {} {}, got {}", where, count * result.type->bytes, type.dump(),
         entry["shape"].dump(), bytes);
  }
  result.shape.assign(shape.begin(), shape.end());
}

/// Tensors must tile the data: an overlap or a gap means that the header belongs to another file.
void check_tiling(std::vector<Entry>& entries, std::uint64_t data_bytes, const std::string& path) {
  std::ranges::sort(entries, {}, [](const Entry& e) { return std::pair(e.begin, e.end); });
  std::uint64_t end = 0;
  for (const Entry& entry : entries) {
    if (entry.begin != end) {
      fail("{}: tensor '{}': expected to start at byte {} of the data, got {}", path, entry.name,
           end, entry.begin);
    }
    end = entry.end;
  }
  if (end != data_bytes) {
    fail("{}: expected {} bytes of data, got {}", path, end, data_bytes);
  }
}

std::map<std::string, std::string> read_metadata(const json& header, const std::string& path) {
  std::map<std::string, std::string> result;
  const auto metadata = header.find(kMetadata);
  if (metadata == header.end()) return result;
  if (!metadata->is_object()) fail("{}: expected an object as {}", path, kMetadata);
  for (const auto& [key, value] : metadata->items()) {
    if (!value.is_string())
      fail("{}: metadata '{}': expected a string, got {}", path, key, value.dump());
    result.emplace(key, value.get<std::string>());
  }
  return result;
}

void verify_checksum(TensorFile& result, const json& header, Bytes data, const std::string& path) {
  const auto stored = result.metadata.find(kChecksum);
  if (stored == result.metadata.end()) return;
  Checksum checksum;
  checksum.add(data);
  const std::string actual = checksum.finish(header);
  if (stored->second != actual) {
    fail("{}: damaged: expected checksum {}, got {}", path, stored->second, actual);
  }
  result.metadata.erase(stored);
}

template <typename T>
std::vector<T> values_of(const Entry& entry, Bytes data) {
  std::vector<T> values((entry.end - entry.begin) / sizeof(T));
  if (!values.empty())
    std::memcpy(values.data(), data.data() + entry.begin, entry.end - entry.begin);
  return values;
}

Tensor tensor_from(const Entry& entry, Bytes data) {
  const Shape shape(entry.shape);
  if (entry.type->widen != nullptr) {
    const auto halves = values_of<std::uint16_t>(entry, data);
    std::vector<float> values(halves.size());
    std::ranges::transform(halves, values.begin(), entry.type->widen);
    return Tensor::from_row_major<float>(shape, values);
  }
  return with_type(entry.type->dtype, [&]<typename T>(T) {
    return Tensor::from_row_major<T>(shape, values_of<T>(entry, data));
  });
}

}  // namespace

TensorFile parse_safetensors(Bytes bytes, const std::string& name,
                             const std::function<bool(const std::string&)>& wanted) {
  const std::uint64_t length = header_length(bytes, name);
  const json header = parse_header(bytes.subspan(kLengthBytes, length), name);
  const Bytes data = bytes.subspan(kLengthBytes + length);

  std::vector<Entry> entries;
  for (const auto& [key, entry] : header.items()) {
    if (key == kMetadata) continue;
    const std::string where = fmt::format("{}: tensor '{}'", name, key);
    entries.push_back(read_place(key, entry, data.size(), where));
    entries.back().wanted = !wanted || wanted(key);
    if (entries.back().wanted) read_type(entries.back(), entry, where);
  }
  check_tiling(entries, data.size(), name);

  TensorFile result;
  result.metadata = read_metadata(header, name);
  verify_checksum(result, header, data, name);
  for (const Entry& entry : entries) {
    if (!entry.wanted) continue;
    result.tensors.emplace(entry.name, tensor_from(entry, data));
  }
  return result;
}

TensorFile read_safetensors(const std::filesystem::path& path,
                            const std::function<bool(const std::string&)>& wanted) {
  return parse_safetensors(read_file(path), path.string(), wanted);
}

}  // namespace quench
