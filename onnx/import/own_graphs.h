#pragma once

// Private to the folder: quench's own exports, whose integers others write in another way.

#include <optional>

#include "onnx/file/model.h"

namespace quench::onnx_network {

/// The same graph with scales in the operands, where it has them behind the sums
/// (onnx/export/export_integers.h), and with a BipolarQuant where codes of one bit are a comparison;
/// nothing if there is neither.
///
/// A weight gets the scales whose products with that of the input are, as floats, those behind the sums:
/// the network has their bits.
std::optional<OnnxModel> with_scales_in_operands(const OnnxModel& model);

}  // namespace quench::onnx_network
