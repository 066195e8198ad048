#include <algorithm>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "core/safetensors.h"
#include "core/safetensors_format.h"
#include "support/error.h"
#include "support/file.h"

namespace quench {
namespace {

using nlohmann::json;
using namespace safetensors;

std::vector<std::byte> row_major_bytes(const Tensor& tensor) {
  return with_type(tensor.dtype(), [&]<typename T>(T) {
    const std::vector<T> values = tensor.to_row_major<T>();
    const auto bytes = std::as_bytes(std::span(values));
    return std::vector<std::byte>(bytes.begin(), bytes.end());
  });
}

using Named = std::pair<const std::string, Tensor>;

/// Widest elements first: every tensor then starts at a multiple of its element's size, so a reader
/// may map the file.
std::vector<const Named*> file_order(const TensorFile& file) {
  std::vector<const Named*> order;
  for (const Named& named : file.tensors) {
    require(named.second.defined(), "write_safetensors: tensor '{}' is undefined", named.first);
    require(named.second.dtype() != DType::bf16,
            "write_safetensors: expected tensor '{}' in f32, f64, s32, s8 or u8, got bf16",
            named.first);
    order.push_back(&named);
  }
  std::ranges::stable_sort(order, std::greater<>{},
                           [](const Named* n) { return size_of(n->second.dtype()); });
  return order;
}

json make_header(const TensorFile& file, const std::vector<const Named*>& order) {
  json header = json::object();
  header[kMetadata] = file.metadata;
  std::uint64_t begin = 0;
  for (const Named* named : order) {
    const auto& [name, tensor] = *named;
    require(name != kMetadata, "write_safetensors: expected a tensor name other than {}",
            kMetadata);
    const std::uint64_t end = begin + tensor.bytes();
    const auto shape = tensor.shape().sizes();
    header[name] = {{"dtype", dtype_name(tensor.dtype())},
                    {"shape", std::vector<std::int64_t>(shape.begin(), shape.end())},
                    {"data_offsets", {begin, end}}};
    begin = end;
  }
  return header;
}

/// The header as stored in the file: its length, then its text, padded to align the data to 8
/// bytes.
std::string header_bytes(const json& header) {
  std::string text = header.dump();
  text.resize((text.size() + kLengthBytes - 1) / kLengthBytes * kLengthBytes, ' ');
  const std::uint64_t length = text.size();
  std::string result(kLengthBytes, '\0');
  std::memcpy(result.data(), &length, kLengthBytes);
  return result + text;
}

}  // namespace

void write_safetensors(const std::filesystem::path& path, const TensorFile& file) {
  const std::vector<const Named*> order = file_order(file);
  json header = make_header(file, order);
  Checksum checksum;
  for (const Named* named : order) checksum.add(row_major_bytes(named->second));
  std::string head;
  try {
    header[kMetadata][kChecksum] = checksum.finish(header);
    head = header_bytes(header);
  } catch (const json::exception& error) {
    throw std::invalid_argument(fmt::format("write_safetensors: {}", error.what()));
  }
  write_file_atomically(path, [&](const FileSink& write) {
    write(std::as_bytes(std::span(head)));
    for (const Named* named : order) write(row_major_bytes(named->second));
  });
}

}  // namespace quench
