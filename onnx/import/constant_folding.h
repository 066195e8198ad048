#pragma once

// Private to the folder: what a graph computes from constants alone, which is the sizes of a Reshape or a
// Pad, and weights that are written another way round.

#include <cstdint>
#include <string_view>
#include <vector>

#include "onnx/file/model.h"

namespace quench::onnx_network {

using Constants = std::vector<const OnnxTensor*>;  // null: left out
using Fold = OnnxTensor (*)(const OnnxNode&, const Constants& inputs);

/// Null for an operator that is not computed of constants.
Fold find_fold(std::string_view op);

}  // namespace quench::onnx_network
