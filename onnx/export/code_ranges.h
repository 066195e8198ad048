#pragma once

// Private to the files of export_integers.

#include <cstdint>
#include <vector>

#include "deploy/network/integer_network.h"

namespace quench::onnx {

struct CodeRange {
  std::int32_t least = 0, most = 0;
};

/// The codes that each value of a network can have, by ValueId: those of its grid within the bounds
/// of the activation before it. Rounding is monotone, so clipping codes equals clipping values.
std::vector<CodeRange> code_ranges(const deploy::IntegerNetwork& network);

}  // namespace quench::onnx
