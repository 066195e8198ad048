#include <doctest/doctest.h>

#include <stdexcept>

#include "datasets/transform.h"

using namespace quench::datasets;

TEST_CASE("normalization: conventions in pixel units") {
  CHECK(normalization("tf", 3).mean == std::vector<double>{127.5, 127.5, 127.5});
  CHECK(normalization("tf", 1).std == std::vector<double>{127.5});
  CHECK(normalization("unit", 1).std == std::vector<double>{255.0});
  const Normalization torchvision = normalization("torchvision", 3);
  // The published values are for RGB / 255.
  const double mean[] = {0.485, 0.456, 0.406}, std[] = {0.229, 0.224, 0.225};
  for (std::size_t c = 0; c < 3; ++c) {
    CHECK(torchvision.mean[c] / 255.0 == doctest::Approx(mean[c]));
    CHECK(torchvision.std[c] / 255.0 == doctest::Approx(std[c]));
  }
}

TEST_CASE("normalization: the error for an unknown name lists the known ones") {
  CHECK_THROWS_WITH_AS(normalization("torchvision", 1),
                       "normalization: expected a convention for 1 channels, got 'torchvision' "
                       "(accepted: tf, unit, mnist, fashion_mnist)",
                       std::invalid_argument);
}
