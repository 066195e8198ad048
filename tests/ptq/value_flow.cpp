#include "ptq/reconstruction/value_flow.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "layers/models/resnet8.h"

namespace quench::ptq {
namespace {

Tensor uniform_images(const Shape& shape, const char* stream) {
  Tensor images(shape);
  Random(3, stream).fill_uniform(images.span());
  return images;
}

struct FlowProbe {
  FlowProbe() {
    Random random(1, "test");
    network = layers::models::resnet8({.width = 0.25}, random);
    network->set_training(false);
    images = uniform_images({40, 3, 32, 32}, "images");
    graph = layers::Graph(*network);
  }
  /// The network's output for an image.
  Tensor logits(std::int64_t image) const {
    const NoGradGuard no_grad;
    return (*network)(Variable(images.slice(image, image + 1))).value();
  }

  std::unique_ptr<layers::Module> network;
  Tensor images;
  layers::Graph graph;
};

TEST_CASE("value flow: values of any node, computed from kept values of an earlier one") {
  const FlowProbe probe;
  const std::vector<std::int64_t> some{7, 39, 0};
  const std::size_t end = probe.graph.nodes().size();
  for (const std::size_t kept : {std::size_t{0}, std::size_t{3}, std::size_t{6}, end}) {
    CAPTURE(kept);
    ValueFlow flow(probe.graph, probe.images, 1 << 30);
    flow.advance(kept);
    CHECK(flow.node() == kept);
    const Values values = flow.at(end, some);
    REQUIRE(values.size() == 1);
    const Tensor& logits = values.at(probe.graph.output()).value();
    for (std::size_t i = 0; i < some.size(); ++i) {
      const Tensor expected = probe.logits(some[i]);
      const auto row = static_cast<std::int64_t>(i);
      for (std::int64_t c = 0; c < 10; ++c)
        CHECK(logits.slice(row, row + 1).data()[c] ==
              doctest::Approx(expected.data()[c]).epsilon(1e-5));
    }
  }
}

TEST_CASE("value flow: values that do not fit into memory are computed from kept ones") {
  const FlowProbe probe;
  const std::size_t end = probe.graph.nodes().size();
  // Logits of 40 images, and nothing larger.
  ValueFlow small(probe.graph, probe.images, 40 * 10 * 4),
      large(probe.graph, probe.images, 1 << 30);
  for (const std::size_t node : {std::size_t{3}, std::size_t{7}}) {
    small.advance(node);
    large.advance(node);
    CHECK(small.node() == 0);
    CHECK(large.node() == node);
    const std::vector<std::int64_t> all{0, 1, 2, 3};
    const Values a = small.at(node, all), b = large.at(node, all);
    REQUIRE(a.size() == b.size());
    for (const auto& [id, value] : a)
      CHECK(std::ranges::equal(value.value().span(), b.at(id).value().span()));
  }
  small.advance(end);
  CHECK(small.node() == end);
}

}  // namespace
}  // namespace quench::ptq
