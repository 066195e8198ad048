#pragma once

#include <cstdint>
#include <span>

namespace quench::quant {

/// The grid offset + scale * q, q = 0..qmax.
struct AffineFit {
  double scale = 1.0;
  double offset = 0.0;
};

/// The grid from min to max. @param min, max  finite, min < max
AffineFit cover_range(double min, double max, std::int32_t qmax);

/// The grid of least squared error that a search finds: cover_range() of shrinking ranges, each
/// improved by turns of quantizing and of linear regression on the codes. Looks at no more than
/// 65536 values, at a fixed stride.
/// @param x         this rank's part of a batch, all of which is fitted (quant/statistics/batch_statistics.h)
/// @param min, max  finite, min < max: the range of the batch, with 0
AffineFit least_squares_grid(std::span<const float> x, double min, double max, std::int32_t qmax);

}  // namespace quench::quant
