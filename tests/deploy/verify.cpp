#include "deploy/verify.h"

#include <doctest/doctest.h>

#include "datasets/images.h"
#include "deploy/freeze.h"
#include "layers/attach_quantizers.h"
#include "layers/composite.h"
#include "layers/conv2d.h"
#include "layers/linear.h"
#include "layers/shape_layers.h"

using namespace quench;
using namespace quench::deploy;

TEST_CASE("verify: counts every integer and logit of all batches, and each that differs") {
  Random random(1, "test");
  layers::Sequential network;
  network.append<layers::Conv2d>("conv", {.in_channels = 3, .out_channels = 2}, random);
  network.append<layers::Flatten>("flatten");
  network.append<layers::Linear>("fc", {.in_features = 2 * 2 * 2, .out_features = 10}, random);
  layers::attach_quantizers(network, quant::uniform_policy({.method = "lsq"}));

  const datasets::Transform pixels{.mean = {100.0f, 100.0f, 100.0f}, .std = {50.0f, 50.0f, 50.0f}};
  datasets::Loader images(datasets::counting_images(5, {3, 4, 4}), pixels, {.batch_size = 2});
  images.start_epoch(0);
  network(Variable(images.next()->images));  // initializes the steps of the quantizers

  Engine engine(freeze(network, {1, 3, 4, 4}));
  const Verification all = verify(network, engine, images);
  CHECK(all.images == 5);
  REQUIRE(all.values.size() == 3);
  CHECK(all.values[0] == ValueMismatches{"conv", 5 * 3 * 4 * 4, 0});
  CHECK(all.values[1] == ValueMismatches{"fc", 5 * 2 * 2 * 2, 0});
  CHECK(all.values[2] == ValueMismatches{"output", 5 * 10, 0});
  CHECK(all.compared() == 5 * (48 + 8 + 10));
  CHECK(all.different() == 0);
  CHECK(verify(network, engine, images, 1).images == 2);

  // The latent weights of the last layer move to other codes: its logits differ, and nothing before.
  for (layers::Parameter parameter : network.parameters()) {
    if (parameter.name != "fc.weight") continue;
    Tensor& weight = parameter.value.mutable_value();
    for (float& value : weight.span()) value = -value;
    weight.bump_version();
  }
  const Verification moved = verify(network, engine, images);
  CHECK(moved.values[0].different == 0);
  CHECK(moved.values[1].different == 0);
  CHECK(moved.different() == moved.values[2].different);
  CHECK(moved.different() > 0);
}
