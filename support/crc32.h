#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace quench {

/// CRC-32 as zlib, PNG and Ethernet compute it (polynomial 0x04C11DB7, reflected): any change of at
/// most 32 neighbouring bits, and any three bits of a file below 11 KiB, show for certain.
std::uint32_t crc32(std::span<const std::byte> bytes);

/// CRC-32C (Castagnoli) as iSCSI (RFC 3720, B.4) and TFRecord files compute it: polynomial
/// 0x1EDC6F41, reflected.
std::uint32_t crc32c(std::span<const std::byte> bytes);

}  // namespace quench
