#pragma once

// Private to the folder.

#include <vector>

#include "onnx/import/builder.h"

namespace quench::onnx {

/// The constants of a BatchNormalization node, in ONNX's order of channels.
struct NormNumbers {
  std::vector<float> gain, bias, mean, variance;
  float eps = 1e-5f;
  float momentum = 0.1f;  ///< as in BatchNormParams: the weight of the new batch
};

/// @throws std::invalid_argument  unless each has `channels` values
NormNumbers read_norm(const Builder& builder, const OnnxNode& node, std::int64_t channels);

}  // namespace quench::onnx
