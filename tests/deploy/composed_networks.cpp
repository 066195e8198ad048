#include "deploy/composed_networks.h"

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "layers/activation.h"
#include "layers/arithmetic.h"
#include "layers/batch_norm.h"
#include "layers/composite.h"
#include "layers/conv2d.h"
#include "layers/linear.h"
#include "layers/pool.h"
#include "layers/shape_layers.h"

namespace quench::testing {
namespace {

/// Modules that read each other's values, by number; 0 is the image.
class Network final : public layers::Composite {
 public:
  layers::ValueId add(const std::string& name, std::shared_ptr<layers::Module> module,
                      std::vector<layers::ValueId> inputs) {
    const layers::ValueId output = append(name, std::move(module), std::move(inputs));
    set_output(output);
    return output;
  }

  layers::ValueId conv(const std::string& name, layers::ValueId input, std::int64_t in,
                       std::int64_t out, int kernel_size, Padding padding, int stride = 1) {
    const layers::Conv2dOptions options{.in_channels = in,
                                        .out_channels = out,
                                        .kernel_size = {kernel_size, kernel_size},
                                        .params = {.stride = {stride, stride}, .padding = padding},
                                        .bias = kernel_size == 1};
    return add(name, std::make_shared<layers::Conv2d>(options, random_), {input});
  }
  layers::ValueId linear(const std::string& name, layers::ValueId input, std::int64_t in,
                         std::int64_t out) {
    const layers::LinearOptions options{.in_features = in, .out_features = out, .bias = true};
    return add(name, std::make_shared<layers::Linear>(options, random_), {input});
  }
  layers::ValueId norm(const std::string& name, layers::ValueId input, std::int64_t channels,
                       Activation activation = Activation::relu) {
    const BatchNormParams params{.activation = activation};
    return add(name, std::make_shared<layers::BatchNorm>(channels, params), {input});
  }
  layers::ValueId function(const std::string& name, layers::ValueId input,
                           const Pointwise& pointwise) {
    return add(name, std::make_shared<layers::PointwiseFunction>(pointwise), {input});
  }
  layers::ValueId concat(const std::string& name, std::vector<layers::ValueId> inputs) {
    return add(name, std::make_shared<layers::Concat>(), std::move(inputs));
  }
  layers::ValueId scale_shift(const std::string& name, layers::ValueId input, std::int64_t scales,
                              std::int64_t shifts) {
    const auto numbers = [](std::int64_t count) {
      return count == 0 ? Tensor() : Tensor::full({count}, 1.0f);
    };
    return add(name, std::make_shared<layers::ScaleShift>(numbers(scales), numbers(shifts)),
               {input});
  }
  layers::ValueId pad(const std::string& name, layers::ValueId input,
                      const layers::PadSizes& sizes) {
    return add(name, std::make_shared<layers::Pad>(sizes), {input});
  }
  layers::ValueId prelu(const std::string& name, layers::ValueId input, std::int64_t channels) {
    return add(name, std::make_shared<layers::PRelu>(Tensor::full({channels}, 0.25f)), {input});
  }
  layers::ValueId select(const std::string& name, layers::ValueId input,
                         std::vector<std::int64_t> channels) {
    return add(name, std::make_shared<layers::SelectChannels>(std::move(channels)), {input});
  }
  layers::ValueId extremum(const std::string& name, std::vector<layers::ValueId> inputs,
                           layers::Extremum::Kind kind) {
    return add(name, std::make_shared<layers::Extremum>(kind), std::move(inputs));
  }
  layers::ValueId activation(const std::string& name, layers::ValueId input,
                             Activation activation) {
    return add(name, std::make_shared<layers::ActivationLayer>(activation), {input});
  }
  template <typename Pool>
  layers::ValueId pool(const std::string& name, layers::ValueId input, int size, int stride) {
    return add(name, std::make_shared<Pool>(Window2d{{size, size}, {stride, stride}, {}}), {input});
  }
  template <typename M>
  layers::ValueId plain(const std::string& name, std::vector<layers::ValueId> inputs) {
    return add(name, std::make_shared<M>(), std::move(inputs));
  }

 private:
  Random random_{11, "test"};
};

constexpr Padding kOne{1, 1, 1, 1};

}  // namespace

std::unique_ptr<layers::Module> squeeze_excite_network() {
  auto graph = std::make_unique<Network>();
  auto x = graph->conv("conv1", 0, 3, 8, 3, kOne, 2);
  x = graph->norm("norm1", x, 8, Activation::none);
  x = graph->function("swish1", x, Pointwise(Pointwise::Kind::hard_swish));
  auto gate = graph->pool<layers::AveragePool2d>("squeeze", x, 6, 1);
  gate = graph->conv("reduce", gate, 8, 4, 1, {});
  gate = graph->activation("relu", gate, Activation::relu);
  gate = graph->conv("expand", gate, 4, 8, 1, {});
  gate = graph->function("gate", gate, Pointwise::hard_sigmoid(1.0f / 6.0f));
  const auto gated = graph->plain<layers::Multiply>("excite", {x, gate});
  const auto again = graph->plain<layers::Multiply>("excite_again", {gate, gated});
  x = graph->plain<layers::Multiply>("square", {again, x});
  x = graph->conv("conv2", x, 8, 12, 1, {});
  x = graph->norm("norm2", x, 12);
  x = graph->plain<layers::GlobalAveragePool>("pool", {x});
  graph->linear("fc", x, 12, 10);
  return graph;
}

std::unique_ptr<layers::Module> dense_network() {
  auto graph = std::make_unique<Network>();
  auto x = graph->norm("norm0", graph->conv("conv0", 0, 3, 6, 3, kOne), 6);
  std::vector<layers::ValueId> block{graph->pool<layers::MaxPool2d>("pool0", x, 3, 2)};  // 5x5
  std::int64_t channels = 6;
  for (int layer = 1; layer <= 3; ++layer, channels += 4) {
    const std::string name = "dense" + std::to_string(layer);
    x = block.size() == 1 ? block[0] : graph->concat(name + "_concat", block);
    x = graph->norm(name + "_norm", x, channels, Activation::none);
    x = graph->activation(name + "_relu", x, Activation::relu);
    block.push_back(graph->conv(name, x, channels, 4, 3, kOne));
  }
  x = graph->norm("transition_norm", graph->concat("transition_concat", block), channels);
  x = graph->pool<layers::AveragePool2d>("transition_pool",
                                         graph->conv("transition", x, channels, 8, 1, {}), 2, 2);
  const auto last = graph->conv("last", graph->norm("last_norm", x, 8), 8, 4, 1, {});
  x = graph->norm("final_norm", graph->concat("final_concat", {x, last}), 12);
  graph->linear("fc", graph->plain<layers::GlobalAveragePool>("pool", {x}), 12, 10);
  return graph;
}

std::unique_ptr<layers::Module> mixed_network() {
  auto graph = std::make_unique<Network>();
  auto x = graph->scale_shift("normalize", 0, 1, 3);
  x = graph->pad("around", x, {.channels_before = 1, .image = {1, 0, 2, 1}});
  x = graph->conv("conv1", x, 4, 6, 3, {}, 2);  // 7x6
  x = graph->function("leaky", x, Pointwise::leaky_relu(0.1f));
  x = graph->scale_shift("scale", x, 6, 0);
  x = graph->pad("pad", x, {.channels_after = 2, .image = kOne});
  x = graph->pool<layers::AveragePool2d>("mean", x, 3, 1);
  const auto shifted = graph->scale_shift("shift", x, 0, 1);
  const auto clipped = graph->function("clip", x, Pointwise::clip(-0.5f, 1.5f));
  x = graph->concat("concat", {shifted, clipped, x});
  x = graph->pool<layers::MaxPool2d>("largest", x, 2, 2);  // 3x3
  x = graph->scale_shift("fall", x, 24, 1);
  x = graph->conv("conv2", x, 24, 6, 2, {});  // 2x2
  x = graph->activation("tanh", x, Activation::hardtanh);
  x = graph->plain<layers::Flatten>("flatten", {x});
  x = graph->scale_shift("flat_scale", x, 1, 1);
  x = graph->norm("norm", graph->linear("fc1", x, 24, 12), 12, Activation::none);
  x = graph->function("sigmoid", x, Pointwise(Pointwise::Kind::sigmoid));
  x = graph->linear("fc2", x, 12, 10);
  graph->scale_shift("logits", x, 10, 0);
  return graph;
}

std::unique_ptr<layers::Module> branching_network() {
  auto graph = std::make_unique<Network>();
  auto x = graph->norm("norm1", graph->conv("conv1", 0, 3, 8, 3, kOne, 2), 8, Activation::none);
  x = graph->prelu("prelu", x, 8);
  const auto first = graph->select("first", x, {0, 1, 2, 3});
  const auto second = graph->select("second", x, {4, 5, 6, 7});
  const auto conv = graph->conv("conv2", first, 4, 4, 3, kOne);
  auto difference =
      graph->add("difference", std::make_shared<layers::Add>(Activation::none, layers::Sign::minus),
                 {conv, second});
  const auto largest =
      graph->extremum("largest", {difference, second, first}, layers::Extremum::Kind::largest);
  const auto smallest =
      graph->extremum("smallest", {conv, second}, layers::Extremum::Kind::smallest);
  x = graph->concat("concat", {largest, smallest});
  x = graph->select("shuffle", x, {0, 4, 1, 5, 2, 6, 3, 7});
  x = graph->norm("norm2", x, 8);
  x = graph->conv("conv3", x, 8, 6, 2, {}, 2);  // 3x3
  x = graph->function("gelu", x, Pointwise(Pointwise::Kind::gelu));
  x = graph->add("larger", std::make_shared<layers::Upsample>(std::array{2, 1}), {x});      // 6x3
  x = graph->pad("part", x, {.image = {.top = -1, .left = 0, .bottom = -2, .right = -1}});  // 3x2
  x = graph->norm("norm3", x, 6, Activation::none);
  x = graph->norm("norm4", graph->conv("conv4", x, 6, 6, 3, kOne), 6);
  graph->linear("fc", graph->plain<layers::GlobalAveragePool>("pool", {x}), 6, 10);
  return graph;
}

std::unique_ptr<layers::Module> moving_network() {
  auto graph = std::make_unique<Network>();
  const auto rearrange = [&](const std::string& name, layers::ValueId input, Rearrangement moves) {
    return graph->add(name, std::make_shared<layers::Rearrange>(std::move(moves)), {input});
  };
  auto x = graph->add("mirrored",
                      std::make_shared<layers::SelectPixels>(
                          std::vector<std::int64_t>{1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 10},
                          std::vector<std::int64_t>{11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0}),
                      {0});                                              // 14x12
  x = graph->norm("norm1", graph->conv("conv1", x, 3, 8, 3, {}, 2), 8);  // 6x5
  x = rearrange("larger", x,
                {.dims = {6, 5, 2, 2, 2}, .axes = {0, 2, 1, 3, 4}, .size = {2, 12, 10}});
  x = graph->norm("norm2", x, 2, Activation::none);
  x = graph->conv("conv2", x, 2, 4, 3, kOne);
  x = rearrange("smaller", x,
                {.dims = {6, 2, 5, 2, 4}, .axes = {0, 2, 1, 3, 4}, .size = {16, 6, 5}});
  x = graph->conv("conv3", x, 16, 3, 1, {});
  x = graph->norm("norm3", x, 3);
  x = graph->pad("zeros", x, {.channels_after = 9});
  x = rearrange("spread", x,
                {.dims = {6, 5, 2, 2, 3}, .axes = {0, 2, 1, 3, 4}, .size = {3, 12, 10}});
  x = graph->norm("norm4", graph->conv("transposed", x, 3, 5, 3, kOne), 5);
  graph->linear("fc", graph->plain<layers::GlobalAveragePool>("pool", {x}), 5, 10);
  return graph;
}

}  // namespace quench::testing
