// Exported networks are read back unchanged.

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>

#include "deploy/composed_networks.h"
#include "layers/activation.h"
#include "layers/arithmetic.h"
#include "layers/composite.h"
#include "layers/linear.h"
#include "layers/normalization.h"
#include "layers/pool.h"
#include "layers/random_network.h"
#include "layers/shape_layers.h"
#include "onnx/export/export_float.h"
#include "onnx/import/network.h"

using namespace quench;

namespace {

constexpr std::int64_t kSide = testing::kComposedSide;

void check_round_trip(layers::Module& network) {
  testing::randomize(network, 3);
  network.set_training(false);
  const quench::onnx::OnnxModel model =
      quench::onnx::export_float(network, {1, 3, kSide, kSide}, std::nullopt);
  Random random(1, "initialization");
  const auto again =
      quench::onnx::make_onnx_network(model, "net.onnx", {3, kSide, kSide, 10}, {}, random);
  const Tensor images = testing::random_tensor({2, 3, kSide, kSide}, 5);
  CHECK(testing::deviation(testing::evaluated(*again, images),
                           testing::evaluated(network, images)) < 1e-5);
}

/// A network of images with one module after a convolution.
void check_module(const std::string& name, std::shared_ptr<layers::Module> module) {
  CAPTURE(name);
  Random random(1, "test");
  layers::Sequential network;
  network.append("conv", std::make_shared<layers::Conv2d>(
                             layers::Conv2dOptions{.in_channels = 3, .out_channels = 6}, random));
  network.append(name, std::move(module));
  network.append("pool", std::make_shared<layers::GlobalAveragePool>());
  network.append("fc", std::make_shared<layers::Linear>(
                           layers::LinearOptions{.in_features = 6, .out_features = 10}, random));
  check_round_trip(network);
}

}  // namespace

TEST_CASE("export_float: composed networks are read back unchanged") {
  for (const auto make :
       {testing::squeeze_excite_network, testing::dense_network, testing::mixed_network,
        testing::branching_network, testing::moving_network})
    check_round_trip(*make());
}

TEST_CASE("export_float: every function is read back unchanged") {
  using Kind = Pointwise::Kind;
  const auto check = [](const Pointwise& function) {
    check_module(std::string(to_string(function.kind())),
                 std::make_shared<layers::PointwiseFunction>(function));
  };
  for (const Kind kind : {Kind::hard_swish, Kind::sigmoid, Kind::tanh, Kind::softplus, Kind::mish,
                          Kind::gelu, Kind::gelu_tanh, Kind::erf, Kind::exp, Kind::floor})
    check(Pointwise(kind));
  check(Pointwise::elu(0.5f));
  check(Pointwise::elu(0.5f, 2.0f));
  check(Pointwise::clip(-0.5f, ActivationRange::kUnbounded));
}

TEST_CASE("export_float: normalizations by the image, and added channels and images") {
  using Over = layers::GroupNorm::Over;
  check_module("groups", std::make_shared<layers::GroupNorm>(
                             layers::GroupNorm::Options{.channels = 6, .groups = 2, .eps = 1e-3f}));
  check_module("instances", std::make_shared<layers::GroupNorm>(layers::GroupNorm::Options{
                                .channels = 6, .groups = 6, .eps = 1e-3f}));
  check_module("pixels", std::make_shared<layers::GroupNorm>(layers::GroupNorm::Options{
                             .channels = 6, .groups = 1, .eps = 1e-2f, .over = Over::pixel}));
  check_module("lrn", std::make_shared<layers::LocalResponseNorm>(
                          LocalResponseParams{.size = 3, .alpha = 0.5f, .bias = 2.0f}));
  check_module("prelu", std::make_shared<layers::PRelu>(Tensor::full({6}, 0.25f)));
  check_module("image", std::make_shared<layers::ScaleShift>(
                            testing::random_tensor({1, 6, kSide - 2, kSide - 2}, 7)));
  check_module("larger", std::make_shared<layers::Upsample>(std::array{2, 3}));
  for (const auto coordinates : {layers::BilinearResize::Coordinates::half_pixel,
                                 layers::BilinearResize::Coordinates::pytorch_half_pixel,
                                 layers::BilinearResize::Coordinates::align_corners,
                                 layers::BilinearResize::Coordinates::asymmetric})
    check_module("resized",
                 std::make_shared<layers::BilinearResize>(layers::BilinearResize::Options{
                     .size = {17, 7},
                     .scale = {17.0f / (kSide - 2), 7.0f / (kSide - 2)},
                     .coordinates = coordinates}));
}
