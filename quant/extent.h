#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "core/tensor.h"

namespace quench::quant {

/// How far values reach.
struct Extent {
  float max_abs = 0.0f;  ///< largest |x|
  float max = 0.0f;      ///< largest x, at least 0
  float min = 0.0f;      ///< smallest x, at most 0
  bool finite = true;    ///< no NaN and no infinity among them
};

/// In one pass; of no values, zeros.
Extent extent(std::span<const float> x);
/// Of the values of both.
Extent merge(const Extent& a, const Extent& b);

/// Accumulated in double.
struct Sums {
  double values = 0.0;
  double squares = 0.0;
};
Sums sums(std::span<const float> x);

/// One Extent per slice along axis 0, or one of the whole tensor.
/// @throws std::invalid_argument  if a slice is empty or holds NaN or infinity; the message starts
///                                with `who`
std::vector<Extent> finite_extents(const Tensor& x, bool per_channel, std::string_view who);

/// Mean of |x| along the same slices, accumulated in double. @throws as finite_extents()
std::vector<double> mean_abs(const Tensor& x, bool per_channel, std::string_view who);

/// A positive scale as float32: at least 2^-126, below which it would lose bits or flush to 0.
float storable_scale(double scale);

}  // namespace quench::quant
