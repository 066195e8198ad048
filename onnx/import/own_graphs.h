#pragma once

// Private to the folder: converts quench's own exports to the usual form of quantized graphs.

#include <optional>

#include "onnx/file/model.h"

namespace quench::onnx {

/// The same graph with scales moved from after the sums to the operands
/// (onnx/export/export_integers.h), and with a BipolarQuant instead of comparisons for 1-bit codes.
/// Null if the graph has neither.
///
/// A weight gets scales whose float products with the input's scale equal those after the sums, so
/// the network computes the same bits.
std::optional<OnnxModel> with_scales_in_operands(const OnnxModel& model);

}  // namespace quench::onnx
