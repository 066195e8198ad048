#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace quench {

/// CRC-32 as in zlib, PNG and Ethernet (polynomial 0x04C11DB7, reflected). It detects every change
/// confined to 32 adjacent bits, and any three changed bits in a file smaller than 11 KiB.
std::uint32_t crc32(std::span<const std::byte> bytes);

/// CRC-32C (Castagnoli) as in iSCSI (RFC 3720, B.4) and TFRecord files: polynomial 0x1EDC6F41,
/// reflected.
std::uint32_t crc32c(std::span<const std::byte> bytes);

}  // namespace quench
