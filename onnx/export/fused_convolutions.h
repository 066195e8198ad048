#pragma once

#include <string>
#include <vector>

#include "onnx/file/model.h"

namespace quench::onnx {

/// The convolutions of a graph, by the names of their outputs.
struct FusedConvolutions {
  std::vector<std::string> fused, others;
};

/// Runtimes that fuse QuantizeLinear and DequantizeLinear run `fused` on integers: both operands
/// come from a DequantizeLinear, and a single QuantizeLinear reads the output.
FusedConvolutions fused_convolutions(const OnnxModel& model);

}  // namespace quench::onnx
