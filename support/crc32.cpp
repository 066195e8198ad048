#include "support/crc32.h"

#include <array>

namespace quench {
namespace {

using Table = std::array<std::uint32_t, 256>;

/// The remainder of each possible byte, for a polynomial with reversed bits.
constexpr Table make_table(std::uint32_t polynomial) {
  Table table{};
  for (std::uint32_t byte = 0; byte < table.size(); ++byte) {
    std::uint32_t remainder = byte;
    for (int bit = 0; bit < 8; ++bit)
      remainder = (remainder >> 1) ^ ((remainder & 1u) != 0 ? polynomial : 0u);
    table[byte] = remainder;
  }
  return table;
}

constexpr Table kTable = make_table(0xedb88320u);
constexpr Table kCastagnoliTable = make_table(0x82f63b78u);

std::uint32_t remainder_of(std::span<const std::byte> bytes, const Table& table) {
  std::uint32_t remainder = 0xffffffffu;
  for (const std::byte byte : bytes) {
    const std::uint32_t at = (remainder ^ std::to_integer<std::uint32_t>(byte)) & 0xffu;
    remainder = (remainder >> 8) ^ table[at];
  }
  return ~remainder;
}

}  // namespace

std::uint32_t crc32(std::span<const std::byte> bytes) { return remainder_of(bytes, kTable); }

std::uint32_t crc32c(std::span<const std::byte> bytes) {
  return remainder_of(bytes, kCastagnoliTable);
}

}  // namespace quench
