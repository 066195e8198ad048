#include "datasets/idx.h"

#include "support/error.h"

namespace quench::datasets {
namespace {

constexpr std::uint32_t kSide = 28;

/// Word `index` of a file, big endian; 0 beyond the end.
std::uint32_t word(std::span<const std::byte> bytes, std::size_t index) {
  std::uint32_t value = 0;
  for (std::size_t i = 4 * index; i < 4 * index + 4; ++i)
    value = value << 8 | (i < bytes.size() ? std::to_integer<std::uint32_t>(bytes[i]) : 0);
  return value;
}

}  // namespace

Idx parse_idx(std::span<const std::byte> bytes, std::uint32_t magic, const std::string& name) {
  if (word(bytes, 0) != magic) {
    fail("{}: expected an IDX file with the magic number {:#x}, got {:#x}", name, magic,
         word(bytes, 0));
  }
  const std::size_t dimensions = magic & 0xff;
  Idx idx;
  for (std::size_t i = 1; i <= dimensions; ++i) idx.sizes.push_back(word(bytes, i));
  if (dimensions == 3 && (idx.sizes[1] != kSide || idx.sizes[2] != kSide)) {
    fail("{}: expected images of {} x {}, got {} x {}", name, kSide, kSide, idx.sizes[1],
         idx.sizes[2]);
  }
  // No overflow: 2^32 entries of 28 x 28.
  const std::size_t count = std::size_t{idx.sizes[0]} * (dimensions == 3 ? kSide * kSide : 1);
  const std::size_t header = 4 * (1 + dimensions);
  if (bytes.size() != header + count) {
    fail("{}: expected {} bytes for {} entries, got {}; the download may be incomplete", name,
         header + count, idx.sizes[0], bytes.size());
  }
  const auto* values = reinterpret_cast<const std::uint8_t*>(bytes.data()) + header;
  idx.values.assign(values, values + count);
  return idx;
}

}  // namespace quench::datasets
