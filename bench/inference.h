#pragma once

#include "bench/network.h"

namespace quench::bench {

/// A float network to time in inference.
struct InferenceCase {
  NetworkCase network{.model = "mobilenet_v1", .image_size = 224};
  std::int64_t batch = 1;
  double seconds = 3.0;  ///< time to repeat each of the two
};

struct InferenceResult {
  double median_seconds = 0.0;  ///< of one batch through FusedNetwork
  double best_seconds = 0.0;
  double unfused_seconds = 0.0;  ///< median of the network as evaluated in training
  double macs = 0.0;             ///< per image
  int runs = 0;
};

/// Weights and images are random: only time is measured.
/// @throws std::invalid_argument  for unknown names or values out of range
InferenceResult time_inference(const InferenceCase& inference_case);

}  // namespace quench::bench
