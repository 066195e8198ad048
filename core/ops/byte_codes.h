#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "core/tensor.h"

namespace quench {

// Tensors on an integer grid as their codes: what integer kernels multiply, and what backward keeps in a byte
// instead of four.

/// A grid with one scale: x = scale * q + offset for integers q in [low, high], which a byte holds as q - low.
struct ByteGrid {
  float scale = 1.0f;   ///< > 0
  float offset = 0.0f;  ///< the value of q = 0
  int low = 0;          ///< <= 0
  int high = 255;       ///< >= 0, at most low + 255

  /// The byte of q = 0.
  std::uint8_t zero() const { return static_cast<std::uint8_t>(-low); }
  std::uint8_t largest() const { return static_cast<std::uint8_t>(high - low); }
};

/// The bytes of an f32 tensor, u8 of its shape; nothing if an element is not scale * q + offset, rounded to float32
/// after each operation, for an integer q of the grid.
std::optional<Tensor> to_bytes(const Tensor& x, const ByteGrid& grid);
/// The same for `count` values in a row; false, with some bytes unwritten, where to_bytes() gives nothing.
bool write_bytes(const float* values, std::int64_t count, const ByteGrid& grid,
                 std::uint8_t* bytes);
/// The values of bytes in f32, deferred, with the bits of the tensor that to_bytes() got (but +0 for -0).
Tensor bytes_to_float32(const Tensor& bytes, const ByteGrid& grid);
/// The integers q of bytes in bf16, exactly.
Tensor bytes_to_bfloat16(const Tensor& bytes, const ByteGrid& grid);

/// The bits (core/ops/bits.h) of bytes on a grid of the two codes -1 and +1, which are 0 and 2; and the bytes again.
Tensor pack_binary(const Tensor& bytes);
Tensor unpack_binary(const Tensor& bits, const Shape& shape);

/// The integers q of a weight x = scale * q in memory order; nothing if an element is not the float32 product of its
/// scale and an integer in [-255, 255].
/// @param scale  > 0; one, or one for each of the equal slices of x along axis 0
std::optional<std::vector<std::int16_t>> integer_weights(const Tensor& x,
                                                         std::span<const float> scale);
/// Integers in [-256, 256] as bf16, exactly.
Tensor integers_to_bfloat16(std::span<const std::int16_t> integers, const Shape& shape);

}  // namespace quench
