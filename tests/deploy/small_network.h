#pragma once

#include "deploy/integer_network.h"

namespace quench::testing {

/// A network that check_network() accepts, small enough to read, with every kind of operation and of
/// grid. Its operations and the values that they write:
///
///   0 images   -> 0 [3, 6, 6]  8 bits, zero point 7
///   1 conv1    -> 1 [4, 3, 3]  4 bits     3x3, 4-bit weights, scale per channel, bias, pool 2x2
///              -> 2 [4, 3, 3]  1 bit
///   2 binary   -> 3 [4, 3, 3]  8 bits     3x3 of 2 groups, 1-bit weights
///   3 pool     -> 4 [4, 3, 3]  4 bits     of 1
///   4 add      -> 5 [4, 3, 3]  3 bits     3 + 4
///   5 pad      -> 6 [7, 3, 3]  3 bits
///   6 mean     -> 7 [7, 1, 1]  8 bits
///   7 levels   -> 8 [2, 1, 1]  2 bits     1x1, weights of 5 levels
///   8 affine   -> 9 [5, 1, 1]  real       1x1, 3-bit weights with zero points, bias
deploy::IntegerNetwork small_network();

}  // namespace quench::testing
