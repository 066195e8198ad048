#pragma once

#include <string>
#include <vector>

#include "onnx/file/model.h"

namespace quench::deploy {

/// The convolutions of a graph, by the names of their outputs.
struct FusedConvolutions {
  std::vector<std::string> fused, others;
};

/// `fused`: a runtime that fuses QuantizeLinear and DequantizeLinear runs them on integers, for a
/// DequantizeLinear gives each operand, and a single QuantizeLinear reads the output.
FusedConvolutions fused_convolutions(const OnnxModel& model);

}  // namespace quench::deploy
