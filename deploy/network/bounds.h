#pragma once

#include <cstdint>
#include <vector>

#include "deploy/network/integer_network.h"

namespace quench::deploy {

/// For each output channel a bound on |sum of w (q - zero)|, of any image and any order of summation:
/// sum of |w| times the largest |q - zero|. A tap off the image adds nothing, so it holds there too.
std::vector<std::int64_t> largest_sums(const Convolution& convolution,
                                       const quant::QuantGrid& input);

}  // namespace quench::deploy
