#pragma once

#include <cstdint>

namespace quench {

/// Interprets 16 bits as IEEE 754 binary16 ("FP16"); exact in float32.
float from_half(std::uint16_t bits);

/// Interprets 16 bits as bfloat16: the upper half of a float32.
float from_bfloat(std::uint16_t bits);

}  // namespace quench
