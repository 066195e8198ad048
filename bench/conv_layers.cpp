#include "bench/conv_layers.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdio>

#include "bench/network.h"
#include "layers/conv2d.h"
#include "layers/graph.h"
#include "support/error.h"

namespace quench::bench {
namespace {

std::string name_of(const deploy::ConvProblem& problem) {
  std::string name =
      fmt::format("{}x{}x{} -> {} {}x{}", problem.channels, problem.height, problem.width,
                  problem.out_channels, problem.kernel[0], problem.kernel[1]);
  if (problem.params.stride[0] > 1) name += fmt::format(" /{}", problem.params.stride[0]);
  if (problem.params.groups == problem.channels && problem.channels > 1) return name + " depthwise";
  if (problem.params.groups > 1) name += fmt::format(", {} groups", problem.params.groups);
  return name;
}

ConvLayer make_layer(const Shape& image, std::int64_t out_channels, std::array<int, 2> kernel,
                     const Conv2dParams& params) {
  ConvLayer layer{.name = {},
                  .batch = image[0],
                  .problem = {.channels = image[1],
                              .height = image[2],
                              .width = image[3],
                              .out_channels = out_channels,
                              .kernel = kernel,
                              .params = params}};
  layer.name = name_of(layer.problem);
  if (layer.batch > 1) layer.name = fmt::format("{} x {}", layer.batch, layer.name);
  return layer;
}

NetworkCase network_case(const std::string& network) {
  if (network == "binarynet") return {.model = "binarynet", .image_size = 32};
  if (network == "mobilenet_v1") return {.model = "mobilenet_v1", .image_size = 224};
  if (network == "resnet50") return {.model = "resnet50", .image_size = 224};
  require(false,
          "bench conv: expected shapes binarynet, mobilenet_v1, resnet50 or N,C,H,W,O,K,S,G, got "
          "'{}'",
          network);
  return {};
}

}  // namespace

bool ConvLayer::depthwise() const {
  return problem.params.groups > 1 && problem.params.groups == problem.channels;
}

double ConvLayer::macs() const {
  const std::int64_t group_channels = problem.channels / problem.params.groups;
  return static_cast<double>(batch * problem.out_height() * problem.out_width() *
                             problem.out_channels * problem.kernel[0] * problem.kernel[1] *
                             group_channels);
}

std::vector<ConvLayer> network_layers(const std::string& network) {
  const NetworkCase described = network_case(network);
  const auto model = make_network(described);
  const models::ModelInput input = input_of(described);
  const Graph graph(*model);
  const std::vector<Shape> shapes =
      value_shapes(graph, {1, input.channels, input.height, input.width});
  std::vector<ConvLayer> layers;
  for (const Graph::Node& node : graph.nodes()) {
    auto* const* convolution = std::get_if<Conv2d*>(&node.layer);
    if (convolution == nullptr) continue;
    const Conv2dOptions& options = (*convolution)->options();
    ConvLayer layer = make_layer(shapes[node.inputs[0]], options.out_channels, options.kernel_size,
                                 options.params);
    const auto known = std::ranges::find(layers, layer.name, &ConvLayer::name);
    if (known != layers.end()) {
      ++known->count;
    } else {
      layers.push_back(std::move(layer));
    }
  }
  return layers;
}

ConvLayer parse_layer(const std::string& shape) {
  std::array<int, 8> v{};
  int end = 0;
  const int read = std::sscanf(shape.c_str(), "%d,%d,%d,%d,%d,%d,%d,%d%n", &v[0], &v[1], &v[2],
                               &v[3], &v[4], &v[5], &v[6], &v[7], &end);
  require(read == 8 && static_cast<std::size_t>(end) == shape.size() &&
              std::ranges::all_of(v, [](int size) { return size >= 1; }),
          "bench conv: expected a shape N,C,H,W,O,K,S,G of numbers >= 1, got '{}'", shape);
  const auto [batch, channels, height, width, out_channels, kernel, stride, groups] = v;
  const int border = kernel / 2;
  const Conv2dParams params{
      .stride = {stride, stride}, .padding = {border, border, border, border}, .groups = groups};
  const Shape image{batch, channels, height, width};
  require(channels % groups == 0, "bench conv: expected channels divisible by groups, got '{}'",
          shape);
  conv2d_output_shape(image, {out_channels, channels / groups, kernel, kernel}, params);
  return make_layer(image, out_channels, {kernel, kernel}, params);
}

}  // namespace quench::bench
