#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "bench/conv_layers.h"
#include "deploy/kernels/isa.h"

namespace quench::bench {

/// What a convolution is computed with: "f32", or codes and weights of some bits.
struct ConvType {
  std::string_view name;
  int input_max = 0;  ///< the largest code; 0: f32
  int weight_max = 0;
  double weight_bytes = 4.0;
};

/// "f32", "u8s8", "u8s4", "u4s4" or "b1". @throws std::invalid_argument  for another
ConvType conv_type(const std::string& name);

struct ConvTiming {
  ConvType type;
  std::string kernel;  ///< "oneDNN" or what deploy::ConvKernel calls itself
  double min_seconds = 0.0, median_seconds = 0.0;  ///< of the batch
  double bytes = 0.0;                              ///< that are read and written at least
  bool exact = true;  ///< the timed sums are those of the scalar kernel; not known of f32
  int runs = 0;
};

/// Times a layer with each type by turns. Integer types are timed from codes to sums, f32 from
/// tensor to tensor. Codes are uniform, weights normal: those of 8 bits reach 127 in each channel.
/// @param seconds  how long to repeat each
std::vector<ConvTiming> time_layer(const ConvLayer& layer, const std::vector<ConvType>& types,
                                   deploy::Isa isa, double seconds);

}  // namespace quench::bench
