#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "layers/models/model_input.h"
#include "layers/module.h"

// Shared by the benchmarks of whole networks.

namespace quench::bench {

/// A float network for square colour images.
struct NetworkCase {
  std::string model = "binarynet";  ///< one of registered_models(), or the name of an ONNX file
  double width = 1.0;               ///< for models with a width
  std::int64_t image_size = 32;     ///< height and width; up to 64 there are 10 classes, else 1000
};

/// Its images and classes; for an ONNX file, as in that file.
layers::models::ModelInput input_of(const NetworkCase& network_case);
/// "mobilenet_v1, width 0.5, 224 x 224", or "net.onnx, 32 x 32".
std::string describe(const NetworkCase& network_case);
/// @throws std::invalid_argument  for unknown names or values out of range
std::unique_ptr<layers::Module> make_network(const NetworkCase& network_case);
/// [batch, C, H, W] as in input_of(), the same in every call.
Tensor random_images(const NetworkCase& network_case, std::int64_t batch);

/// The upper median for an even count; needs at least one value.
double median(std::vector<double> values);
/// The run time of run(), in seconds.
template <typename Run>
double seconds_of(Run run) {
  const auto start = std::chrono::steady_clock::now();
  run();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace quench::bench
