#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>

#include "layers/graph.h"
#include "layers/module.h"

namespace quench::train {

/// The storage and compute cost of a network. Bits are written "4 x 8" (weight x activation), or
/// "fp32" if not quantized.
struct NetworkCost {
  std::int64_t parameters = 0;  ///< without those of quantizers
  std::int64_t macs = 0;        ///< multiply-accumulates per image, in layers with a weight
  double weight_bytes = 0.0;    ///< of these layers' weights at their bit widths
  double float_bytes = 0.0;     ///< of the same weights in fp32
  std::map<std::string, std::int64_t> macs_by_bits;
  std::map<std::string, double> weight_bytes_by_bits;
};

/// "4 x 8" for the two quantizers of a layer.
std::string bits_text(const quant::Quantizer& weight, const quant::Quantizer& input);

/// @param layers  from trace_layers() of the same network
NetworkCost network_cost(layers::Module& network, std::span<const layers::LayerTrace> layers);

}  // namespace quench::train
