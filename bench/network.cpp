#include "bench/network.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/random.h"
#include "layers/models/registry.h"
#include "onnx/file/read.h"
#include "onnx/import/network.h"
#include "support/error.h"
#include "support/settings.h"

namespace quench::bench {

namespace {

bool is_graph(const NetworkCase& network_case) { return network_case.model.ends_with(".onnx"); }

}  // namespace

layers::models::ModelInput input_of(const NetworkCase& network_case) {
  if (is_graph(network_case))
    return onnx::onnx_model_input(onnx::read_onnx(network_case.model), network_case.model);
  const std::int64_t size = network_case.image_size;
  return {.height = size, .width = size, .classes = size <= 64 ? 10 : 1000};
}

std::string describe(const NetworkCase& network_case) {
  const layers::models::ModelInput input = input_of(network_case);
  const std::string width =
      is_graph(network_case) ? "" : fmt::format(", width {}", network_case.width);
  return fmt::format("{}{}, {} x {}", network_case.model, width, input.height, input.width);
}

std::unique_ptr<layers::Module> make_network(const NetworkCase& network_case) {
  Random random(0, "initialization");
  const layers::models::ModelInput input = input_of(network_case);
  if (is_graph(network_case))
    return onnx::make_onnx_network(onnx::read_onnx(network_case.model), network_case.model, input,
                                   {}, random);
  Settings settings = Settings::from({{"width", network_case.width}});
  return layers::models::make_model(network_case.model, settings, input, random);
}

Tensor random_images(const NetworkCase& network_case, std::int64_t batch) {
  require(batch >= 1 && network_case.image_size >= 1,
          "bench: expected batch and image size >= 1, got {} and {}", batch,
          network_case.image_size);
  Random random(0, "images");
  const layers::models::ModelInput input = input_of(network_case);
  Tensor images({batch, input.channels, input.height, input.width});
  std::ranges::generate(images.span(), [&] { return random.uniform(-2.0f, 2.0f); });
  return images;
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

}  // namespace quench::bench
