#include "deploy/network/model_file.h"

#include <array>
#include <bit>
#include <cstddef>
#include <cstring>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "deploy/network/model_fields.h"
#include "deploy/network/model_reader.h"
#include "deploy/network/packed_weights.h"
#include "support/crc32.h"
#include "support/error.h"
#include "support/file.h"
#include "support/strict_json.h"

// Private to the model_*.cpp files.

namespace quench::deploy {
namespace {

/// The archive (model_fields.h) that writes an object of the header and appends to the data.
class ModelWriter {
 public:
  template <typename T>
  using Ref = const T&;

  explicit ModelWriter(std::vector<std::byte>& data) : data_(&data) {}
  /// Returns the written object.
  nlohmann::json take() { return std::move(object_); }

  template <typename T>
  void value(const char* name, const T& value) {
    object_[name] = value;
  }
  void value(const char* name, Activation activation) { object_[name] = to_string(activation); }
  template <typename T>
  void object(const char* name, const T& object) {
    object_[name] = written(object);
  }
  template <typename T>
  void optional(const char* name, const std::optional<T>& object) {
    object_[name] = object ? written(*object) : nlohmann::json();
  }
  template <typename T>
  void list(const char* name, const std::vector<T>& items) {
    nlohmann::json& list = object_[name] = nlohmann::json::array();
    for (const T& item : items) list.push_back(written(item));
  }
  static bool has(const char* /*name*/, bool wanted) { return wanted; }
  void kind(const char* name, const Operation::Kind& kind) {
    object_[name] = to_string(kind);
    std::visit([this](const auto& settings) { object("settings", settings); }, kind);
  }
  void floats(const char* name, const std::vector<float>& numbers) {
    object_[name] = numbers.size();
    append(std::as_bytes(std::span(numbers)));
  }
  void weight(const char* name, const Convolution& convolution) {
    object_[name] = convolution.weight.size();
    append(pack_weights(convolution));
  }

 private:
  template <typename T>
  nlohmann::json written(const T& object) {
    ModelWriter writer(*data_);
    fields<ModelWriter>(writer, object);
    return writer.take();
  }
  void append(std::span<const std::byte> bytes) {
    data_->insert(data_->end(), bytes.begin(), bytes.end());
  }

  nlohmann::json object_ = nlohmann::json::object();
  std::vector<std::byte>* data_;
};

using nlohmann::json;
using Bytes = std::span<const std::byte>;

static_assert(std::endian::native == std::endian::little, "model files are little-endian");

// Marks the file as binary; the line ends reveal transfers in text mode (as in PNG).
constexpr std::array<unsigned char, 8> kMagic{0x89, 'Q', 'N', 'C', '\r', '\n', 0x1a, '\n'};
constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kMaxHeaderDepth =
    8;  // {operations: [{outputs: [{steps: [{}]}]}]} and one to spare
constexpr std::size_t kChecksumBytes = sizeof(std::uint32_t);

/// The start of a file.
struct Preamble {
  std::array<unsigned char, 8> magic = kMagic;
  std::uint32_t version = kVersion;
  std::uint32_t header_bytes = 0;
  std::uint64_t file_bytes = 0;
};
static_assert(sizeof(Preamble) == 24);

void append(std::vector<std::byte>& bytes, Bytes more) {
  bytes.insert(bytes.end(), more.begin(), more.end());
}

std::string header_text(const json& header) {
  try {
    return header.dump();
  } catch (const json::exception& error) {
    throw std::invalid_argument(fmt::format("write_model: {}", error.what()));
  }
}

/// Reads the preamble of a file, which must be complete and undamaged.
Preamble read_preamble(Bytes file, const std::string& name) {
  Preamble preamble;
  if (file.size() < sizeof(Preamble) ||
      std::memcmp(file.data(), kMagic.data(), kMagic.size()) != 0) {
    fail("{}: not a quench model file", name);
  }
  std::memcpy(&preamble, file.data(), sizeof(Preamble));
  if (preamble.version != kVersion) {
    fail("{}: expected a model file of version {}, got {}{}", name, kVersion, preamble.version,
         preamble.version > kVersion ? ", written by a newer quench" : "");
  }
  if (preamble.file_bytes != file.size() || file.size() < sizeof(Preamble) + kChecksumBytes) {
    fail("{}: damaged: expected a file of {} bytes, got {}", name, preamble.file_bytes,
         file.size());
  }
  std::uint32_t stored = 0;
  const Bytes content = file.first(file.size() - kChecksumBytes);
  std::memcpy(&stored, file.data() + content.size(), kChecksumBytes);
  if (const std::uint32_t actual = crc32(content); actual != stored)
    fail("{}: damaged: expected checksum {:08x}, got {:08x}", name, stored, actual);
  if (preamble.header_bytes > content.size() - sizeof(Preamble)) {
    fail("{}: expected a header of at most {} bytes, got {}", name,
         content.size() - sizeof(Preamble), preamble.header_bytes);
  }
  return preamble;
}

}  // namespace

std::vector<std::byte> format_model(const IntegerNetwork& network) {
  check_network(network);
  std::vector<std::byte> data;
  ModelWriter writer(data);
  fields<ModelWriter>(writer, network);
  const std::string header = header_text(writer.take());
  require(std::in_range<std::uint32_t>(header.size()),
          "write_model: expected a header below 4 GiB, got {} bytes", header.size());
  const Preamble preamble{
      .header_bytes = static_cast<std::uint32_t>(header.size()),
      .file_bytes = sizeof(Preamble) + header.size() + data.size() + kChecksumBytes};
  std::vector<std::byte> file;
  file.reserve(preamble.file_bytes);
  append(file, std::as_bytes(std::span(&preamble, 1)));
  append(file, std::as_bytes(std::span(header)));
  append(file, data);
  const std::uint32_t checksum = crc32(file);
  append(file, std::as_bytes(std::span(&checksum, 1)));
  return file;
}

std::size_t write_model(const std::filesystem::path& path, const IntegerNetwork& network) {
  const std::vector<std::byte> file = format_model(network);
  write_file_atomically(path, Bytes(file));
  return file.size();
}

IntegerNetwork parse_model(std::span<const std::byte> bytes, const std::string& name) {
  const Preamble preamble = read_preamble(bytes, name);
  const Bytes content =
      bytes.subspan(sizeof(Preamble), bytes.size() - sizeof(Preamble) - kChecksumBytes);
  const json header =
      parse_strict_json(content.first(preamble.header_bytes), kMaxHeaderDepth, name + ": header");
  ModelData data(content.subspan(preamble.header_bytes));
  IntegerNetwork network;
  ModelReader(header, data, name, ": ").read(network);
  if (data.left() != 0) fail("{}: {} bytes of data belong to no field", name, data.left());
  try {
    check_network(network);
  } catch (const std::invalid_argument& error) {
    fail("{}: {}", name, error.what());
  }
  return network;
}

IntegerNetwork read_model(const std::filesystem::path& path) {
  return parse_model(read_file(path), path.string());
}

}  // namespace quench::deploy
