#pragma once

#include "deploy/network/integer_network.h"

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

/// Likewise for operations of imported graphs:
///
///   0 images  -> 0 [2, 4, 4]  5 bits, zero point 3
///   1 lookup  -> 1 [2, 4, 4]  4 bits
///             -> 2 [2, 4, 4]  4 bits     by channels, one falling, on a grid with an offset
///   2 mean    -> 3 [2, 1, 1]  8 bits     of 1
///   3 excite  -> 4 [2, 4, 4]  4 bits     3 * 1
///   4 square  -> 5 [2, 4, 4]  4 bits     2 * 4, real values
///   5 join    -> 6 [6, 4, 4]  4 bits     1, 4, 5
///   6 pool    -> 7 [6, 2, 2]  4 bits     the smallest of channels 1 and 4
///   7 pad     -> 8 [7, 4, 3]  4 bits     a channel before; rows above and below, a column to the right
///   8 fc      -> 9 [3, 1, 1]  real       4x3
deploy::IntegerNetwork small_graph();

/// Everything else: a table per channel, a difference, extremes, selections of channels, and upsampling.
deploy::IntegerNetwork small_branches();

/// Codes that move: depth to space, and pixels selected by index.
deploy::IntegerNetwork small_moves();

}  // namespace quench::testing
