#pragma once

#include <functional>

#include "core/tensor.h"

namespace quench {

/// Sums of products with integer weights, for sums that float32 cannot hold exactly (2^24 and more). The
/// weight is split into two halves of few bits, whose sums are exact. Their total is rounded once, as in the
/// conversion of a 32-bit integer.
/// @param weight   f32 integers
/// @param product  the sums for a weight of the same shape; linear in it
Tensor split_sums(const Tensor& weight, const std::function<Tensor(const Tensor& half)>& product);

}  // namespace quench
