#pragma once

#include <string>
#include <vector>

#include "bench/network.h"
#include "deploy/engine/engine.h"
#include "layers/module.h"

namespace quench::bench {

/// An integer network of a model with random weights, for timing only.
/// @param weight_bits, activation_bits  1: for every layer, with 8 bits for the image; else for all
///                                      but the first and last layer, which have 8 bits, like sums
///                                      and pools
/// @throws std::invalid_argument  for unknown names or values out of range
deploy::IntegerNetwork random_integer_network(const NetworkCase& network_case, int weight_bits,
                                              int activation_bits);

/// One operation of an integer network, and its float32 equivalent if it is a convolution.
struct OperationTime {
  std::string name, kind, kernel;
  double macs = 0.0;
  double seconds = 0.0;        ///< median
  double float_seconds = 0.0;  ///< median of PreparedConv2d::infer(); 0: not a convolution
};

struct DeployedTimes {
  double seconds = 0.0, best_seconds = 0.0;              ///< of the engine, one image
  double float_seconds = 0.0, best_float_seconds = 0.0;  ///< of FusedNetwork
  double macs = 0.0;
  int runs = 0;
  std::vector<OperationTime> operations;
};

/// Times an integer network and the float network of the same shape, alternating every few images.
/// @param float_network  in evaluation, without quantizers
/// @param seconds        total time
DeployedTimes time_deployed(deploy::Engine& engine, layers::Module& float_network, double seconds);

}  // namespace quench::bench
