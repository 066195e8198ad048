#include "layers/shape_layers.h"

#include <doctest/doctest.h>

#include <stdexcept>

#include "layers/composite.h"
#include "layers/graph.h"

namespace quench {
namespace {

TEST_CASE("SelectChannels and Upsample: their shapes are those of a run") {
  Sequential network;
  network.append("shuffle", std::make_shared<SelectChannels>(std::vector<std::int64_t>{3, 0, 3}));
  network.append("larger", std::make_shared<Upsample>(std::array{2, 3}));
  const Variable images(Tensor::zeros({2, 4, 3, 2}));
  const Graph graph(network);
  const std::vector<Shape> shapes = value_shapes(graph, images.shape());
  CHECK(shapes[1] == Shape{2, 3, 3, 2});
  CHECK(shapes[2] == network(images).shape());
  CHECK_THROWS_WITH_AS(value_shapes(graph, {2, 3, 3, 2}),
                       "shuffle: expected more than 3 channels, got [2, 3, 3, 2]",
                       std::invalid_argument);
}

TEST_CASE("SelectChannels and Upsample: what they cannot be is refused") {
  CHECK_THROWS_AS(SelectChannels({}), std::invalid_argument);
  CHECK_THROWS_AS(SelectChannels({0, -1}), std::invalid_argument);
  CHECK_THROWS_AS(Upsample({0, 1}), std::invalid_argument);
}

}  // namespace
}  // namespace quench
