#include "bench/network.h"

#include <algorithm>

#include "core/error.h"
#include "core/random.h"
#include "core/settings.h"
#include "layers/models/registry.h"

namespace quench::bench {

std::int64_t classes(const NetworkCase& network_case) {
  return network_case.image_size <= 64 ? 10 : 1000;
}

std::unique_ptr<Module> make_network(const NetworkCase& network_case) {
  Random random(0, "initialization");
  Settings settings = Settings::from({{"width", network_case.width}});
  const std::int64_t size = network_case.image_size;
  return models::make_model(network_case.model, settings,
                            {.height = size, .width = size, .classes = classes(network_case)},
                            random);
}

Tensor random_images(const NetworkCase& network_case, std::int64_t batch) {
  require(batch >= 1 && network_case.image_size >= 1,
          "bench: expected batch and image size >= 1, got {} and {}", batch,
          network_case.image_size);
  Random random(0, "images");
  Tensor images({batch, 3, network_case.image_size, network_case.image_size});
  std::ranges::generate(images.span(), [&] { return random.uniform(-2.0f, 2.0f); });
  return images;
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

}  // namespace quench::bench
