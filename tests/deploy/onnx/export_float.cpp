#include "deploy/onnx/export_float.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "layers/flatten.h"
#include "layers/linear.h"
#include "layers/random_network.h"
#include "layers/sequential.h"

using namespace quench;
using namespace quench::deploy;

TEST_CASE("export_float: a linear layer behind Flatten gets ONNX's order of an image") {
  Random random(1, "test");
  Sequential network;
  network.append("flatten", std::make_shared<Flatten>());
  const auto linear = network.append(
      "fc",
      std::make_shared<Linear>(LinearOptions{.in_features = 2 * 3 * 4, .out_features = 5}, random));
  testing::randomize(network, 3);
  network.set_training(false);
  const OnnxModel model = export_float(network, {1, 2, 3, 4}, std::nullopt);

  const auto weight = std::ranges::find(model.constants, "fc.weight", &OnnxTensor::name);
  REQUIRE(weight != model.constants.end());
  CHECK(weight->dims == std::vector<std::int64_t>{5, 2, 3, 4});
  std::vector<float> values(5 * 24);
  REQUIRE(weight->bytes.size() == values.size() * sizeof(float));
  std::memcpy(values.data(), weight->bytes.data(), weight->bytes.size());

  // As ONNX would: over channels, rows and columns of an image [C, H, W].
  const Tensor image = testing::random_tensor({1, 2, 3, 4}, 7);
  const std::vector<float> pixels = image.to_row_major();
  const Tensor logits = network(Variable(image)).value();
  for (std::size_t o = 0; o < 5; ++o) {
    double sum = 0.0;
    for (std::size_t i = 0; i < 24; ++i) sum += double{values[o * 24 + i]} * double{pixels[i]};
    CHECK(logits.data()[o] == doctest::Approx(sum).epsilon(1e-5));
  }
}
