#pragma once

// Checks that quench's networks compute small ONNX graphs correctly.

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "onnx/import/graph_maker.h"
#include "onnx/import/network.h"
#include "onnx/import/reference.h"

namespace quench::onnx {

inline layers::models::ModelInput graph_input() { return {3, 9, 8, 4}; }

inline std::unique_ptr<layers::Module> build(const OnnxModel& model,
                                             const OnnxNetworkOptions& options = {}) {
  Random random(1, "initialization");
  auto network = make_onnx_network(model, "net.onnx", graph_input(), options, random);
  network->set_training(false);
  return network;
}

/// Compares the network's logits for two random images with the reference.
inline void check_network(const OnnxModel& model, const OnnxNetworkOptions& options = {}) {
  constexpr std::int64_t kImages = 2;
  Random random(3, "images");
  ReferenceTensor images{{kImages, 3, 9, 8}, {}};
  std::vector<float> pixels(kImages * 3 * 9 * 8);
  std::ranges::generate(pixels, [&] { return random.uniform(-1.0f, 1.0f); });
  images.values.assign(pixels.begin(), pixels.end());
  Tensor input = Tensor::from_row_major({kImages, 3, 9, 8}, pixels);
  if (model.input.dims[3] == 3) {  // channels last: quench's own memory order
    images.dims = {kImages, 9, 8, 3};
    images.values.assign(input.span().begin(), input.span().end());
  }
  const ReferenceTensor expected = run_reference(model, images);

  const NoGradGuard no_grad;
  const Tensor logits = (*build(model, options))(Variable(input)).value();
  REQUIRE(logits.shape() == Shape{kImages, 4});
  double largest = 0.0;
  for (const double value : expected.values) largest = std::max(largest, std::abs(value));
  for (std::size_t i = 0; i < expected.values.size(); ++i) {
    const auto value = static_cast<double>(logits.span()[i]);
    CHECK(std::abs(value - expected.values[i]) <= 1e-5 * std::max(largest, 1.0));
  }
}

}  // namespace quench::onnx
