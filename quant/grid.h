#pragma once

#include <cstdint>
#include <vector>

#include "core/ops/byte_codes.h"
#include "core/tensor.h"

namespace quench::quant {

/// The integer grid that a quantizer exports: real = scale * (q - zero_point) + offset, q in
/// [qmin, qmax].
///
/// A binary grid has only the codes -1 and +1: q = x < 0 ? -1 : +1 (0 would need a second bit).
struct QuantGrid {
  int bits = 8;  ///< storage bits per code, 1 to 8
  std::int32_t qmin = -127;
  std::int32_t qmax = 127;
  std::vector<float> scale{1.0f};           ///< real units per step, > 0; one, or one per channel
  std::vector<std::int32_t> zero_point{0};  ///< as many as scales; each inside [qmin, qmax]
  int axis = -1;                            ///< -1: per tensor; 0: per output channel of a weight
  /// The codes in use, ascending, from qmin to qmax; empty: all of them. Binary grids {-1, +1},
  /// odd integers (DoReFa), sums of powers of two (APoT).
  std::vector<std::int32_t> levels;
  /// The real value of code zero_point. Not 0 only if a method trains it, per tensor (LSQ+).
  /// Padding with real 0 is then off the grid.
  float offset = 0.0f;

  /// Sets `count` scales of 1 and zero points of 0, per output channel or per tensor.
  void set_channels(std::size_t count, bool per_channel);
  bool binary() const { return levels.size() == 2 && levels[0] == -1 && levels[1] == 1; }
  bool operator==(const QuantGrid&) const = default;
};

/// @throws std::invalid_argument  if bits is not in 1..8, a scale is not finite and > 0, a zero
///                                point is off the grid, the levels do not ascend from qmin to
///                                qmax, or the number of scales does not match `shape`
void check_grid(const QuantGrid& grid, const Shape& shape);

/// A grid with one scale, as the codes minus the zero point in bytes.
ByteGrid byte_grid(const QuantGrid& grid);

/// The largest |q - zero_point| of a grid with one scale.
std::int64_t largest_code(const QuantGrid& grid);

/// The codes minus the zero point, q - zero_point, as f32 integers in memory order: the operands of
/// a convolution. q = clip(round_half_even((x - offset) / scale) + zero_point, qmin, qmax), or the
/// nearest of the levels, the upper one on ties; infinities saturate, NaN becomes 0 (on levels: the
/// nearest to 0).
Tensor centered_codes(const Tensor& x, const QuantGrid& grid);
/// scale * codes + offset, from centered codes.
Tensor dequantize(const Tensor& codes, const QuantGrid& grid);
/// dequantize(centered_codes(x)) in one pass.
Tensor fake_quantize(const Tensor& x, const QuantGrid& grid);

/// Grids of `bits` bits with scale 1.
QuantGrid signed_narrow_grid(int bits);  ///< [-(2^(b-1)-1), 2^(b-1)-1], 2 to 8 bits
QuantGrid signed_full_grid(int bits);    ///< [-2^(b-1), 2^(b-1)-1], 2 to 8 bits
QuantGrid unsigned_grid(int bits);       ///< [0, 2^b-1], 1 to 8 bits
QuantGrid binary_grid();                 ///< {-1, +1}

}  // namespace quench::quant
