#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "kernels/conv_kernel.h"
#include "kernels/isa.h"

namespace quench::bench {

/// A convolution to time.
struct ConvLayer {
  std::string name;  ///< "128x32x32 -> 128 3x3"
  std::int64_t batch = 1;
  int count = 1;                   ///< how often it occurs in its network
  kernels::ConvProblem problem{};  ///< without weights

  bool depthwise() const;
  double macs() const;  ///< for the whole batch
};

/// The convolutions of a network, one per distinct shape.
/// @param network  binarynet at 32 x 32, mobilenet_v1 or resnet50 at 224 x 224
/// @throws std::invalid_argument  for another network
std::vector<ConvLayer> network_layers(const std::string& network);

/// A convolution with K/2 borders from "N,C,H,W,O,K,S,G": batch, channels, height, width, output
/// channels, kernel size, stride and groups.
/// @throws std::invalid_argument  for text that does not parse
ConvLayer parse_layer(const std::string& shape);

/// The operand types of a convolution: "f32", or integer codes and weights.
struct ConvType {
  std::string_view name;
  int input_max = 0;  ///< the largest code; 0: f32
  int weight_max = 0;
  double weight_bytes = 4.0;
};

/// "f32", "u8s8", "u8s4", "u4s4" or "b1". @throws std::invalid_argument  for another name
ConvType conv_type(const std::string& name);

struct ConvTiming {
  ConvType type;
  std::string kernel;  ///< "oneDNN", or the name of the kernels::ConvKernel
  double min_seconds = 0.0, median_seconds = 0.0;  ///< of the batch
  double bytes = 0.0;                              ///< minimum bytes read and written
  bool exact = true;  ///< whether the sums equal those of the scalar kernel; not checked for f32
  int runs = 0;
};

/// Times a layer with each type in turn. Integer types are timed from codes to sums, f32 from
/// tensor to tensor. Codes are uniform, weights normal; 8-bit weights reach 127 in each channel.
/// @param seconds  time to repeat each type
std::vector<ConvTiming> time_layer(const ConvLayer& layer, const std::vector<ConvType>& types,
                                   kernels::Isa isa, double seconds);

}  // namespace quench::bench
