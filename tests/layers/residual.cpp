#include <doctest/doctest.h>

#include "layers/activation.h"
#include "layers/composite.h"
#include "layers/shape_layers.h"

namespace quench::layers {
namespace {

std::shared_ptr<Module> relu() { return std::make_shared<ActivationLayer>(Activation::relu); }

const Variable kInput(Tensor::from_row_major({1, 1, 1, 2}, std::vector{-1.0f, 2.0f}));

TEST_CASE("Residual: the branch plus the input, then the activation") {
  Residual block;
  block.append("relu", relu());
  block.join(Activation::hardtanh);
  CHECK(block(kInput).value().to_row_major() == std::vector{-1.0f, 1.0f});
}

TEST_CASE("Residual: the branch plus a shortcut's output") {
  Residual block;
  block.append("pad", std::make_shared<Pad>(PadSizes{.channels_after = 1}));
  block.set_shortcut("shortcut", std::make_shared<Pad>(PadSizes{.channels_before = 1}));
  block.join(Activation::none);
  CHECK(block(kInput).value().to_row_major() == std::vector{-1.0f, 2.0f, -1.0f, 2.0f});
  const auto modules = block.modules();
  CHECK(modules.back().first == "add");
}

TEST_CASE("Residual: without a sum it is the branch") {
  Residual block;
  block.append("relu", relu());
  CHECK(block(kInput).value().to_row_major() == std::vector{0.0f, 2.0f});
}

}  // namespace
}  // namespace quench::layers
