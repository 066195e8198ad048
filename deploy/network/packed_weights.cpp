#include "deploy/network/packed_weights.h"

#include <algorithm>

#include "support/error.h"

namespace quench::deploy {
namespace {

using quant::QuantGrid;

/// Numbers of `bits` bits packed into bytes. With up to 8 bits, a number spans at most two bytes.
class BitRow {
 public:
  explicit BitRow(int bits) : bits_(static_cast<std::size_t>(bits)) {}

  void write(std::span<std::byte> bytes, std::size_t i, unsigned number) const {
    const std::size_t at = i * bits_ / 8, shift = i * bits_ % 8;
    const unsigned both = number << shift;
    bytes[at] |= static_cast<std::byte>(both & 0xffu);
    if (shift + bits_ > 8) bytes[at + 1] |= static_cast<std::byte>(both >> 8);
  }
  unsigned read(std::span<const std::byte> bytes, std::size_t i) const {
    const std::size_t at = i * bits_ / 8, shift = i * bits_ % 8;
    unsigned both = std::to_integer<unsigned>(bytes[at]);
    if (shift + bits_ > 8) both |= std::to_integer<unsigned>(bytes[at + 1]) << 8;
    return (both >> shift) & ((1u << bits_) - 1);
  }

 private:
  std::size_t bits_;
};

/// Weights per scale of a grid.
std::size_t channel_size(std::size_t count, const QuantGrid& grid) {
  return count / grid.zero_point.size();
}

}  // namespace

std::size_t packed_bytes(std::size_t count, int bits) {
  const auto width = static_cast<std::size_t>(bits);
  return count / 8 * width + (count % 8 * width + 7) / 8;
}

std::vector<std::byte> pack_weights(const Convolution& convolution) {
  const QuantGrid& grid = convolution.weight_grid;
  const auto& weight = convolution.weight;
  const std::size_t size = channel_size(weight.size(), grid);
  const BitRow row(grid.bits);
  std::vector<std::byte> bytes(packed_bytes(weight.size(), grid.bits));
  for (std::size_t i = 0; i < weight.size(); ++i) {
    const std::int32_t code =
        grid.levels.empty()
            ? weight[i] + grid.zero_point[i / size] - grid.qmin
            : static_cast<std::int32_t>(std::ranges::lower_bound(grid.levels, weight[i]) -
                                        grid.levels.begin());
    row.write(bytes, i, static_cast<unsigned>(code));
  }
  return bytes;
}

std::vector<std::int16_t> unpack_weights(std::span<const std::byte> bytes, std::size_t count,
                                         const QuantGrid& grid) {
  require(grid.bits >= 1 && grid.bits <= 8 && !grid.zero_point.empty(),
          "expected a grid of 1 to 8 bits with zero points, got {} and {}", grid.bits,
          grid.zero_point.size());
  require(bytes.size() == packed_bytes(count, grid.bits), "expected {} bytes of weights, got {}",
          packed_bytes(count, grid.bits), bytes.size());
  const std::size_t size = channel_size(count, grid);
  require(size * grid.zero_point.size() == count, "expected weights of {} channels, got {}",
          grid.zero_point.size(), count);
  const std::int64_t codes =
      grid.levels.empty() ? std::int64_t{grid.qmax} - grid.qmin + 1 : std::ssize(grid.levels);
  const BitRow row(grid.bits);
  std::vector<std::int16_t> weight(count);
  for (std::size_t i = 0; i < count; ++i) {
    const std::int64_t code = row.read(bytes, i);
    require(code < codes, "expected weights below {}, got {} at {}", codes, code, i);
    const std::int64_t zero = grid.zero_point[i / size];
    const std::int64_t w =
        grid.levels.empty() ? grid.qmin + code - zero : grid.levels[static_cast<std::size_t>(code)];
    require(w >= -kMaxWeight && w <= kMaxWeight,
            "expected weights of at most {} in magnitude, got {}", kMaxWeight, w);
    weight[i] = static_cast<std::int16_t>(w);
  }
  const std::size_t used = count * static_cast<std::size_t>(grid.bits) % 8;
  require(used == 0 || std::to_integer<unsigned>(bytes.back()) >> used == 0,
          "expected 0 in the unused bits after the last weight");
  return weight;
}

WeightBytes weight_bytes(const IntegerNetwork& network) {
  WeightBytes result;
  for (const Operation& operation : network.operations) {
    const auto* convolution = std::get_if<Convolution>(&operation.kind);
    if (convolution == nullptr) continue;
    const std::size_t count = convolution->weight.size();
    result.packed += packed_bytes(count, convolution->weight_grid.bits);
    result.float32 += count * sizeof(float);
  }
  return result;
}

}  // namespace quench::deploy
