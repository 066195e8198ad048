#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "layers/module.h"

namespace quench {

/// One layer as it stands in the network.
struct LayerTrace {
  std::string name;
  Shape input;  ///< with the batch that was traced
  Shape output;
  Shape weight;           ///< rank 0: it has none
  std::int64_t macs = 0;  ///< multiply-accumulates per image
};

/// Each layer with a weight, and each other module that quantizes what it reads (a sum, a pool, a
/// product, a function), in order of execution.
/// @param image  [N, C, H, W]
/// @throws std::invalid_argument  as value_shapes()
std::vector<LayerTrace> trace_layers(Module& network, const Shape& image);

/// What a network stores and computes. Bits are written "4 x 8", weight x activation, "fp32" where
/// nothing is quantized.
struct NetworkCost {
  std::int64_t parameters = 0;  ///< without those of quantizers
  std::int64_t macs = 0;        ///< multiply-accumulates per image, in layers with a weight
  double weight_bytes = 0.0;    ///< of these layers' weights at their bits
  double float_bytes = 0.0;     ///< of the same weights in fp32
  std::map<std::string, std::int64_t> macs_by_bits;
  std::map<std::string, double> weight_bytes_by_bits;
};

/// "4 x 8" for the two quantizers of a layer.
std::string bits_text(const quant::Quantizer& weight, const quant::Quantizer& input);

/// @param layers  of trace_layers() of the same network
NetworkCost network_cost(Module& network, std::span<const LayerTrace> layers);

/// The dotted name of the first module, in order of execution, whose output for `images` holds NaN
/// or infinity; empty if there is none. Modes stay as they are, so statistics may be updated.
/// @throws std::invalid_argument  if a quantizer refuses NaN before any output held one; names it
std::string first_non_finite(Module& network, const Tensor& images);

}  // namespace quench
