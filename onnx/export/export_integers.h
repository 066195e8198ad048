#pragma once

#include <optional>

#include "deploy/network/integer_network.h"
#include "onnx/export/channel_scales.h"
#include "onnx/export/onnx_graph.h"

namespace quench::onnx {

/// Where an exported graph applies the scales of a convolution.
enum class OnnxScales : std::uint8_t {
  /// In the DequantizeLinear of the operands, with batch norms folded in (channel_scales.h).
  /// Runtimes fuse this pattern into integer kernels. Unfused, the graph multiplies float32 values,
  /// whose rounding may move a value halfway between two codes to the other one.
  operands,
  /// After the sum, (scale_a scale_w) sum(q_w q_a), as in evaluation. The operands are integers in
  /// floats and the sums are exact, so the graph computes the same bits as quench.
  sums,
};

/// The quantization operators of an exported graph.
enum class OnnxQuantizers : std::uint8_t {
  linear,  ///< QuantizeLinear and DequantizeLinear with 8 bits; weights are codes
  qonnx,   ///< QONNX's Quant and BipolarQuant of any width; weights are float32
};

struct OnnxExportOptions {
  OnnxQuantizers quantizers = OnnxQuantizers::linear;
  OnnxScales scales = OnnxScales::operands;  ///< for linear quantizers; QONNX always uses operands
  std::optional<PixelNormalization> pixels = std::nullopt;  ///< see OnnxGraph
};

struct ExportedIntegers {
  OnnxModel model;
  deploy::IntegerNetwork
      network;  ///< what the graph computes; with scales in operands, see channel_scales.h
  std::vector<RaisedScales> raised;  ///< from fit_biases(), for scales in operands
};

/// Exports an integer network as an ONNX graph of QuantizeLinear and DequantizeLinear with the
/// scales, zero points and codes of its grids. Codes of fewer than 8 bits are s8 or u8 after a
/// Clip. 1-bit activations, -1 and +1, are a comparison; 1-bit weights are s8. With scales in the
/// operands, activations are u8, and a Clip after the QuantizeLinear bounds codes, including those
/// of ReLUs.
///
/// With QONNX's operators, every grid has its own bits. They add the zero point before rounding; an
/// odd one moves a value halfway between two codes to the other code.
/// @throws std::invalid_argument  naming the value, for codes without an ONNX type (uneven levels
///                                of activations, or codes beyond 8 bits); with OnnxScales::sums,
///                                also for an activation with an offset
ExportedIntegers export_integers(const deploy::IntegerNetwork& network,
                                 const OnnxExportOptions& options);

}  // namespace quench::onnx
