#include <array>
#include <cstring>
#include <stdexcept>
#include <vector>

#include "deploy/network/model_file.h"
#include "fuzz/target.h"
#include "support/crc32.h"

using namespace quench;

namespace {

using Bytes = std::span<const std::byte>;

template <typename T>
void append(std::vector<std::byte>& file, const T& value) {
  const Bytes bytes = std::as_bytes(std::span(&value, 1));
  file.insert(file.end(), bytes.begin(), bytes.end());
}

/// Builds a complete file from `input`, the length of the header and the rest. Magic, version,
/// length and checksum are valid: a fuzzer would hardly find them, and everything else comes after
/// them.
std::vector<std::byte> sealed(Bytes input) {
  std::uint32_t header_bytes = 0;
  if (input.size() >= sizeof(header_bytes)) {
    std::memcpy(&header_bytes, input.data(), sizeof(header_bytes));
    input = input.subspan(sizeof(header_bytes));
  }
  constexpr std::array<std::uint8_t, 8> kMagic{0x89, 'Q', 'N', 'C', '\r', '\n', 0x1a, '\n'};
  std::vector<std::byte> file;
  append(file, kMagic);
  append(file, std::uint32_t{1});
  append(file, header_bytes);
  append(file, std::uint64_t{24 + input.size() + 4});
  file.insert(file.end(), input.begin(), input.end());
  append(file, crc32(file));
  return file;
}

}  // namespace

/// model.qnc without its preamble: the header's length, the header, the data.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return fuzz::may_refuse<std::runtime_error>([&] {
    const deploy::IntegerNetwork network =
        deploy::parse_model(sealed(fuzz::bytes_of(data, size)), "input");
    // An accepted network can be written and reads back the same.
    fuzz::promise(deploy::parse_model(deploy::format_model(network), "again") == network);
  });
}
