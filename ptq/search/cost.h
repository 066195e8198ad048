#pragma once

#include <cstdint>

namespace quench::ptq {

/// Bits of a layer's weight and of its input; 32 for float32.
struct LayerBits {
  int weight = 32;
  int input = 32;
  bool operator==(const LayerBits&) const = default;
};

/// Multiply-accumulates times both bit widths, which is 1024 of each in float32 (HAWQ-V3: Yao et al. 2021,
/// arXiv:2011.10680).
inline double bit_operations(std::int64_t macs, const LayerBits& bits) {
  return static_cast<double>(macs) * bits.weight * bits.input;
}

/// Bits that a weight takes: `elements` at their bits, and 32 for each scale.
inline double weight_bits(std::int64_t elements, std::int64_t scales, const LayerBits& bits) {
  return static_cast<double>(elements) * bits.weight + 32.0 * static_cast<double>(scales);
}

}  // namespace quench::ptq
