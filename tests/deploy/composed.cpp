#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "deploy/composed_networks.h"
#include "deploy/deployed_checks.h"
#include "deploy/network/model_file.h"
#include "deploy/trained_network.h"
#include "layers/activation.h"
#include "layers/arithmetic.h"
#include "layers/batch_norm.h"
#include "layers/composite.h"
#include "layers/conv2d.h"
#include "layers/linear.h"
#include "layers/normalization.h"
#include "layers/pool.h"
#include "layers/shape_layers.h"

// Networks of the modules that imported graphs consist of.

using namespace quench;
using namespace quench::deploy;
using testing::QuantizedCase;

namespace {

struct Composed {
  const char* name;
  std::unique_ptr<layers::Module> (*make)();
};

constexpr Composed kSqueezeExcite{"squeeze_excite", testing::squeeze_excite_network};
constexpr Composed kDense{"dense", testing::dense_network};
constexpr Composed kMixed{"mixed", testing::mixed_network};
constexpr Composed kBranching{"branching", testing::branching_network};
constexpr Composed kMoving{"moving", testing::moving_network};

void check_composed(const Composed& composed, const std::string& method, int bits) {
  CAPTURE(std::string(composed.name));
  CAPTURE(method);
  CAPTURE(bits);
  const auto network = composed.make();
  testing::train_quantizers(*network,
                            {.image_size = testing::kComposedSide, .method = method, .bits = bits});
  const IntegerNetwork integers = testing::check_evaluation(*network, testing::kComposedSide);
  testing::check_engine(integers);
  CHECK(parse_model(format_model(integers), "m.qnc") == integers);
}

}  // namespace

TEST_CASE("composed networks: the bits of evaluation in interpreter and engine, for every method") {
  for (const quant::StrategyInfo& info : quant::registered_quantizers()) {
    if (info.name == "none" || info.name == "xnor") continue;
    for (const Composed& composed : {kSqueezeExcite, kDense, kMixed, kBranching, kMoving})
      check_composed(composed, info.name, 4);
  }
}

TEST_CASE("composed networks: the bits of evaluation, at the largest and smallest bit widths") {
  for (const Composed& composed : {kSqueezeExcite, kDense, kMixed, kBranching, kMoving}) {
    for (const char* method : {"affine", "symmetric", "tqt", "lsq", "lsq_plus", "ab"})
      check_composed(composed, method, 8);
    for (const char* method : {"lsq", "ab", "ste", "dorefa"}) check_composed(composed, method, 2);
    for (const char* method : {"ab", "ste", "dorefa"}) check_composed(composed, method, 1);
  }
}

TEST_CASE("composed networks: DenseNet's blocks as integers") {
  const auto network = testing::dense_network();
  testing::train_quantizers(*network, {.image_size = testing::kComposedSide, .method = "affine"});
  const IntegerNetwork integers =
      freeze(*network, {1, 3, testing::kComposedSide, testing::kComposedSide});
  std::size_t joined = 0, pools = 0, falling = 0, most_outputs = 0;
  for (const Operation& operation : integers.operations) {
    most_outputs = std::max(most_outputs, operation.outputs.size());
    if (operation.name == "conv0") CHECK(operation.outputs.size() == 4);
    if (std::holds_alternative<Concatenation>(operation.kind)) ++joined;
    if (const auto* pool = std::get_if<MaxPool>(&operation.kind)) {
      ++pools;
      falling += pool->smallest.empty() ? 0 : 1;
    }
  }
  CHECK(joined == 4);
  // One for each of its readers: three layers and the transition, each after its own norm.
  CHECK(pools == 4);
  CHECK(falling == 4);
  CHECK(most_outputs == 4);
}

TEST_CASE("composed networks: real outputs of every kind of operation") {
  const auto check = [](const std::string& name, std::shared_ptr<layers::Module> last) {
    CAPTURE(name);
    Random random(1, "test");
    layers::Sequential network;
    network.append("conv", std::make_shared<layers::Conv2d>(
                               layers::Conv2dOptions{.in_channels = 3, .out_channels = 5}, random));
    network.append(name, std::move(last));
    network.append("flatten", std::make_shared<layers::Flatten>());
    testing::train_quantizers(network, {.image_size = 4, .method = "affine"});
    testing::check_engine(testing::check_evaluation(network, 4));
  };
  const Window2d two{{2, 2}, {2, 2}, {}};
  check("largest", std::make_shared<layers::MaxPool2d>(two));
  check("mean", std::make_shared<layers::AveragePool2d>(two));
  Random random(2, "test");
  const auto behind_pool = [&](std::shared_ptr<layers::Module> last) {
    auto both = std::make_shared<layers::Sequential>();
    both->append("mean", std::make_shared<layers::AveragePool2d>(two));
    both->append("last", std::move(last));
    return both;
  };
  check("function", behind_pool(std::make_shared<layers::PointwiseFunction>(
                        Pointwise(Pointwise::Kind::sigmoid))));
  check("norm", behind_pool(std::make_shared<layers::BatchNorm>(5, BatchNormParams{})));
  check("scale",
        behind_pool(std::make_shared<layers::ScaleShift>(Tensor::full({1}, 2.0f), Tensor())));
  check("conv2",
        behind_pool(std::make_shared<layers::Conv2d>(
            layers::Conv2dOptions{.in_channels = 5, .out_channels = 2, .kernel_size = {1, 1}},
            random)));
}

TEST_CASE(
    "composed networks: a mean image is subtracted from the pixels before they become codes") {
  Random random(1, "test");
  layers::Composite network;
  const ValueId mean = network.append(
      "mean", std::make_shared<layers::ScaleShift>(testing::random_tensor({1, 3, 4, 4}, 5)),
      {layers::Graph::kInput});
  const auto conv = [&](const char* name, ValueId input) {
    const layers::Conv2dOptions options{.in_channels = 3, .out_channels = 5};
    return network.append(name, std::make_shared<layers::Conv2d>(options, random), {input});
  };
  const ValueId both = network.append("add", std::make_shared<layers::Add>(),
                                      {conv("conv1", mean), conv("conv2", layers::Graph::kInput)});
  network.set_output(network.append("pool", std::make_shared<layers::GlobalAveragePool>(), {both}));
  testing::train_quantizers(network, {.image_size = 4, .method = "affine"});
  const IntegerNetwork integers = testing::check_evaluation(network, 4);
  testing::check_engine(integers);
  CHECK(parse_model(format_model(integers), "m.qnc") == integers);
}

namespace {

/// The error of freeze() for a network with images [3, 4, 4].
std::string refusal(layers::Module& network) {
  testing::train_quantizers(network, {.image_size = 4, .method = "affine"});
  try {
    freeze(network, {1, 3, 4, 4});
  } catch (const std::invalid_argument& refused) {
    return refused.what();
  }
  return "no error";
}

}  // namespace

TEST_CASE("composed networks: parts without an integer form are rejected, with a remedy") {
  const auto error = [](std::shared_ptr<layers::Module> module) {
    Random random(1, "test");
    layers::Sequential network;
    network.append("conv", std::make_shared<layers::Conv2d>(
                               layers::Conv2dOptions{.in_channels = 3, .out_channels = 4}, random));
    network.append("last", std::move(module));
    network.append("pool", std::make_shared<layers::GlobalAveragePool>());
    return refusal(network);
  };
  const std::string statistics =
      "last normalizes by the statistics of each image, which has no integer form; expected a "
      "network trained with batch norm instead";
  CHECK(error(std::make_shared<layers::GroupNorm>(
            layers::GroupNorm::Options{.channels = 4, .groups = 2})) == statistics);
  CHECK(error(std::make_shared<layers::LocalResponseNorm>(LocalResponseParams{})) == statistics);
  CHECK(error(std::make_shared<layers::ScaleShift>(Tensor::zeros({1, 4, 2, 2}))) ==
        "last adds a different value at each position of its input; expected this only on the "
        "network's images");
}

TEST_CASE("composed networks: a function that is undefined at a code of its input is rejected") {
  layers::Sequential network;
  network.append("relu", std::make_shared<layers::ActivationLayer>(Activation::relu));
  const auto root = network.append(
      "root", std::make_shared<layers::PointwiseFunction>(Pointwise(Pointwise::Kind::sqrt)));
  network.append("pool", std::make_shared<layers::GlobalAveragePool>());
  CHECK(refusal(network) == "no error");
  // Codes below 0, which no image produces.
  root->set_input_quantizer(testing::make_quantizer("affine", quant::Role::activation, 8));
  root->input_quantizer().observe(testing::random_tensor({100}, 1));
  root->set_quantizer_mode(quant::Mode::evaluation);
  CHECK_THROWS_WITH_AS(freeze(network, {1, 3, 4, 4}), doctest::Contains("root is "),
                       std::invalid_argument);
}

TEST_CASE("composed networks: impossible rearrangements are rejected, with a remedy") {
  layers::Sequential padded;
  padded.append("pad", std::make_shared<layers::Pad>(layers::PadSizes{.channels_after = 1}));
  padded.append("norm", std::make_shared<layers::BatchNorm>(4, BatchNormParams{}));
  padded.append("pool", std::make_shared<layers::GlobalAveragePool>());
  CHECK(refusal(padded) ==
        "pad pads with 0, which the batch norm after it shifts; expected the batch norm before it");
  layers::Sequential real;
  real.append("pool", std::make_shared<layers::GlobalAveragePool>());
  real.append("pad", std::make_shared<layers::Pad>(layers::PadSizes{.channels_after = 1}));
  CHECK(refusal(real) ==
        "pad must output float32 values for output; expected a layer, or another module with an "
        "input quantizer, after it");
  Random random(1, "test");
  layers::Sequential flat;
  flat.append("flatten", std::make_shared<layers::Flatten>());
  flat.append("norm", std::make_shared<layers::BatchNorm>(48, BatchNormParams{}));
  flat.append("fc", std::make_shared<layers::Linear>(
                        layers::LinearOptions{.in_features = 48, .out_features = 2}, random));
  CHECK(refusal(flat).starts_with("fc reads a flattened image whose batch norm"));
  layers::Sequential twice;
  twice.append("again",
               std::make_shared<layers::SelectChannels>(std::vector<std::int64_t>{0, 1, 1}));
  twice.append("norm", std::make_shared<layers::BatchNorm>(3, BatchNormParams{}));
  twice.append("pool", std::make_shared<layers::GlobalAveragePool>());
  CHECK(refusal(twice) ==
        "pool reads channel 1 of a value twice, with different batch norms or scales; expected "
        "them before channels are selected or rearranged");
  layers::Sequential blocks;
  blocks.append("blocks",
                std::make_shared<layers::Rearrange>(Rearrangement{
                    .dims = {2, 2, 2, 2, 3}, .axes = {0, 2, 1, 3, 4}, .size = {12, 2, 2}}));
  blocks.append("norm", std::make_shared<layers::BatchNorm>(12, BatchNormParams{}));
  blocks.append("pool", std::make_shared<layers::GlobalAveragePool>());
  CHECK(refusal(blocks).starts_with("pool reads channel 0 of a value twice"));
  layers::Sequential between;
  between.append("resize", std::make_shared<layers::BilinearResize>(layers::BilinearResize::Options{
                               .size = {8, 8}, .scale = {2.0f, 2.0f}}));
  between.append("pool", std::make_shared<layers::GlobalAveragePool>());
  CHECK(refusal(between) ==
        "resize interpolates between pixels, which has no integer form; expected a "
        "nearest-neighbour resize instead");
}
