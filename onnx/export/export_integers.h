#pragma once

#include <optional>

#include "deploy/network/integer_network.h"
#include "onnx/export/channel_scales.h"
#include "onnx/export/onnx_graph.h"

namespace quench::deploy {

/// Where the scales of a convolution stand in an exported graph.
enum class OnnxScales : std::uint8_t {
  /// In the DequantizeLinear of the operands, and batch norms in them (channel_scales.h): the pattern that
  /// runtimes fuse to integer kernels. The graph as it stands multiplies real numbers, whose rounding may
  /// take a number that lies between two codes to the other one.
  operands,
  /// Behind the sum, (scale_a scale_w) sum(q_w q_a) as evaluation computes it: the operands are
  /// integers in floats, and the sums exact, so that the graph computes quench's bits.
  sums,
};

/// What rounds to a grid in an exported graph.
enum class OnnxQuantizers : std::uint8_t {
  linear,  ///< QuantizeLinear and DequantizeLinear, of 8 bits, with the codes of weights
  qonnx,   ///< QONNX's Quant and BipolarQuant of any width, with the reals of weights
};

struct OnnxExportOptions {
  OnnxQuantizers quantizers = OnnxQuantizers::linear;
  OnnxScales scales = OnnxScales::operands;  ///< of linear quantizers; QONNX has them there
  std::optional<PixelNormalization> pixels = std::nullopt;  ///< see OnnxGraph
};

struct ExportedIntegers {
  OnnxModel model;
  IntegerNetwork
      network;  ///< the one that the graph computes: with scales in operands, see channel_scales.h
  std::vector<RaisedScales> raised;  ///< by fit_biases(), for scales in operands
};

/// An integer network as an ONNX graph of QuantizeLinear and DequantizeLinear, with the scales, zero
/// points and codes of its grids. Codes of fewer than 8 bits are s8 or u8 behind a Clip; those of one
/// bit, -1 and +1, a comparison; weights of one bit s8. With scales in the operands, activations are u8, and
/// a Clip behind the QuantizeLinear bounds codes, also those of ReLUs.
///
/// With QONNX's operators every grid has its own bits. They add an odd zero point before they round, which
/// takes a number halfway between two codes to the other one.
/// @throws std::invalid_argument  for codes that ONNX has no type for (uneven levels of activations,
///                                or codes beyond 8 bits), naming the value; for an activation with an
///                                offset, whose sum depends on the place, with OnnxScales::sums
ExportedIntegers export_integers(const IntegerNetwork& network, const OnnxExportOptions& options);

}  // namespace quench::deploy
