#pragma once

#include <string>
#include <vector>

#include "deploy/kernels/conv_kernel.h"

namespace quench::bench {

/// A convolution to time.
struct ConvLayer {
  std::string name;  ///< "128x32x32 -> 128 3x3"
  std::int64_t batch = 1;
  int count = 1;                  ///< how many of these its network has
  deploy::ConvProblem problem{};  ///< without weights

  bool depthwise() const;
  double macs() const;  ///< of the batch
};

/// Each of a network's convolutions of another shape.
/// @param network  binarynet at 32 x 32, mobilenet_v1 or resnet50 at 224 x 224
/// @throws std::invalid_argument  for another
std::vector<ConvLayer> network_layers(const std::string& network);

/// A convolution with K/2 borders from "N,C,H,W,O,K,S,G": batch, channels, height, width, output
/// channels, kernel size, stride and groups.
/// @throws std::invalid_argument  for what does not read so
ConvLayer parse_layer(const std::string& shape);

}  // namespace quench::bench
