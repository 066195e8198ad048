#include "layers/shape_layers.h"

#include <doctest/doctest.h>

#include <stdexcept>

#include "layers/composite.h"
#include "layers/graph.h"

namespace quench::layers {
namespace {

TEST_CASE("SelectChannels and Upsample: their shapes match a run") {
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

TEST_CASE("SelectPixels, BilinearResize and Rearrange: their shapes match a run") {
  Sequential network;
  network.append("rows", std::make_shared<SelectPixels>(std::vector<std::int64_t>{1, 0, 1},
                                                        std::vector<std::int64_t>{1}));
  network.append("larger", std::make_shared<BilinearResize>(
                               BilinearResize::Options{.size = {6, 2}, .scale = {2.0f, 2.0f}}));
  network.append("blocks", std::make_shared<Rearrange>(Rearrangement{
                               .dims = {3, 2, 8}, .axes = {0, 2, 1}, .size = {2, 3, 8}}));
  const Variable images(Tensor::zeros({2, 4, 2, 2}));
  const Graph graph(network);
  const std::vector<Shape> shapes = value_shapes(graph, images.shape());
  CHECK(shapes[1] == Shape{2, 4, 3, 1});
  CHECK(shapes[2] == Shape{2, 4, 6, 2});
  CHECK(shapes[3] == network(images).shape());
  CHECK_THROWS_WITH_AS(value_shapes(graph, {2, 4, 1, 2}),
                       "rows: expected an image of at least 2x2 pixels, got [2, 4, 1, 2]",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(value_shapes(graph, {2, 5, 2, 2}),
                       "blocks: expected as many values as [2, 2, 3, 8], got [2, 5, 6, 2]",
                       std::invalid_argument);
}

TEST_CASE("BilinearResize: the values of PyTorch's interpolate") {
  // torch.nn.functional.interpolate(torch.arange(4.).view(1, 1, 2, 2), size=(3, 4), mode="bilinear")
  const Variable image(Tensor::from_row_major({1, 1, 2, 2}, std::vector<float>{0, 1, 2, 3}));
  const auto resized = [&](BilinearResize::Coordinates coordinates) {
    BilinearResize layer({.size = {3, 4}, .scale = {1.5f, 2.0f}, .coordinates = coordinates});
    return layer(image).value().to_row_major();
  };
  using Coordinates = BilinearResize::Coordinates;
  CHECK(resized(Coordinates::half_pixel) == std::vector<float>{0.0f, 0.25f, 0.75f, 1.0f, 1.0f,
                                                               1.25f, 1.75f, 2.0f, 2.0f, 2.25f,
                                                               2.75f, 3.0f});
  // align_corners=True, in thirds along the columns
  const std::vector<float> corners = resized(Coordinates::align_corners);
  for (std::size_t i = 0; i < 12; ++i)
    CHECK(corners[i] ==
          doctest::Approx(static_cast<double>(i / 4) + static_cast<double>(i % 4) / 3.0));
}

TEST_CASE("SelectChannels and Upsample: invalid arguments are rejected") {
  CHECK_THROWS_AS(SelectChannels({}), std::invalid_argument);
  CHECK_THROWS_AS(SelectChannels({0, -1}), std::invalid_argument);
  CHECK_THROWS_AS(Upsample({0, 1}), std::invalid_argument);
  CHECK_THROWS_AS(SelectPixels({0}, {}), std::invalid_argument);
  CHECK_THROWS_AS(SelectPixels({-1}, {0}), std::invalid_argument);
  CHECK_THROWS_AS(BilinearResize({.size = {0, 1}}), std::invalid_argument);
  CHECK_THROWS_AS(BilinearResize({.scale = {1.0f, 0.0f}}), std::invalid_argument);
  CHECK_THROWS_AS(Rearrange({.dims = {2}, .axes = {1}, .size = {2, 1, 1}}), std::invalid_argument);
}

}  // namespace
}  // namespace quench::layers
