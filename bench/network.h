#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "layers/models/model_input.h"
#include "layers/module.h"

// What the benchmarks of whole networks share.

namespace quench::bench {

/// A float network for square colour images.
struct NetworkCase {
  std::string model = "binarynet";  ///< one of models::registered_models(), or an ONNX file's name
  double width = 1.0;               ///< for a model that has a width
  std::int64_t image_size = 32;     ///< height and width; up to 64 there are 10 classes, else 1000
};

/// Its images and classes; an ONNX file's are what that file says.
layers::models::ModelInput input_of(const NetworkCase& network_case);
/// "mobilenet_v1, width 0.5, 224 x 224", or "net.onnx, 32 x 32".
std::string describe(const NetworkCase& network_case);
/// @throws std::invalid_argument  for unknown names or values out of range
std::unique_ptr<layers::Module> make_network(const NetworkCase& network_case);
/// [batch, C, H, W] as input_of() says, the same in every call.
Tensor random_images(const NetworkCase& network_case, std::int64_t batch);

/// The upper one of an even number; not of none.
double median(std::vector<double> values);
/// How long run() takes, in seconds.
template <typename Run>
double seconds_of(Run run) {
  const auto start = std::chrono::steady_clock::now();
  run();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace quench::bench
