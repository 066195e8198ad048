#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "quant/strategy.h"

namespace quench::quant {

/// The grid offset + scale * q, q = 0..qmax.
struct AffineFit {
  double scale = 1.0;
  double offset = 0.0;
};

/// The grid from min to max. @param min, max  finite, min < max
AffineFit cover_range(double min, double max, std::int32_t qmax);

/// Searches for the grid of least squared error: cover_range() of shrinking ranges, each improved
/// by alternating quantization and linear regression on the codes. Uses at most 65536 values, at a
/// fixed stride.
/// @param x         this rank's part of the batch to fit (quant/statistics/batch_statistics.h)
/// @param min, max  finite, min < max: the range of the batch, including 0
AffineFit least_squares_grid(std::span<const float> x, double min, double max, std::int32_t qmax);

/// "lsq_plus": LSQ with a trained offset for activations (Bhalgat et al. 2020, arXiv:2004.09576).
///
/// Activations, 1 to 8 bits, n = 0 and p = 2^b - 1, s and beta trained ("scale", "beta"):
///   f(x) = s * round(clip((x - beta) / s, n, p)) + beta
///   dL/dx and dL/ds as for "lsq", with (x - beta) / s instead of v / s
///   dL/dbeta = c * sum of g outside of n < (x - beta) / s < p
/// Weights, 2 to 8 bits, per tensor or channel: "lsq", starting at s = max(|mu - 3 sigma|,
/// |mu + 3 sigma|) / 2^(b-1) with mean mu and standard deviation sigma.
///
/// beta is not a multiple of s: the grid does not contain exactly 0, so padding with real 0 is off
/// the grid, which evaluation accounts for (quant/grid.h, `offset`).
///
/// Settings [quant.lsq_plus], with their defaults:
///   init = "mse"           s and beta of least squared error on the first batch that is not all
///                          zeros; or "minmax": they cover it. Both include 0
///   window = "open"        as for "lsq"
///   grad_scale = "paper"   as for "lsq"
Strategy lsq_plus_strategy();

}  // namespace quench::quant
