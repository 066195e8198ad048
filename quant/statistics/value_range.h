#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "core/tensor.h"
#include "quant/grid.h"

namespace quench::quant {

/// The extent of a set of values.
struct Extent {
  float max_abs = 0.0f;  ///< largest |x|
  float max = 0.0f;      ///< largest x, at least 0
  float min = 0.0f;      ///< smallest x, at most 0
  bool finite = true;    ///< neither NaN nor infinity
};

/// The real values that a grid should cover, observed or calibrated: min <= 0 <= max.
struct ValueRange {
  double min = 0.0;
  double max = 0.0;
  double threshold() const { return -min > max ? -min : max; }  ///< for a symmetric grid
  /// For a grid with zero point 0: the real value that qmax must represent.
  double reach(const QuantGrid& grid) const { return grid.qmin == 0 ? max : threshold(); }
};

/// Computed in one pass; all zeros for no values.
Extent extent(std::span<const float> x);
Extent extent(const Tensor& x);  ///< reads a deferred tensor by pieces
/// The extent of both sets together.
Extent merge(const Extent& a, const Extent& b);

inline ValueRange range_of(const Extent& e) { return {double{e.min}, double{e.max}}; }

/// Accumulated in double.
struct Sums {
  double values = 0.0;
  double squares = 0.0;
};
Sums sums(std::span<const float> x);

/// One Extent per slice along axis 0, or one for the whole tensor.
/// @throws std::invalid_argument  if a slice is empty or contains NaN or infinity; the message
///                                starts with `who`
std::vector<Extent> finite_extents(const Tensor& x, bool per_channel, std::string_view who);

/// The mean of |x| over the same slices, accumulated in double. @throws as finite_extents()
std::vector<double> mean_abs(const Tensor& x, bool per_channel, std::string_view who);

/// A positive scale as float32: at least 2^-126, because smaller values lose bits or flush to 0.
float storable_scale(double scale);

}  // namespace quench::quant
