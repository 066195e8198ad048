#include "core/crc32.h"

#include <array>

namespace quench {
namespace {

/// What the eight bits of a byte do to the remainder.
constexpr std::array<std::uint32_t, 256> kTable = [] {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t byte = 0; byte < table.size(); ++byte) {
    std::uint32_t remainder = byte;
    for (int bit = 0; bit < 8; ++bit)
      remainder = (remainder >> 1) ^ ((remainder & 1u) != 0 ? 0xedb88320u : 0u);
    table[byte] = remainder;
  }
  return table;
}();

}  // namespace

std::uint32_t crc32(std::span<const std::byte> bytes) {
  std::uint32_t remainder = 0xffffffffu;
  for (const std::byte byte : bytes) {
    const std::uint32_t at = (remainder ^ std::to_integer<std::uint32_t>(byte)) & 0xffu;
    remainder = (remainder >> 8) ^ kTable[at];
  }
  return ~remainder;
}

}  // namespace quench
