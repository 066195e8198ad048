#include <doctest/doctest.h>

#include "layers/batch_norm.h"
#include "layers/composite.h"
#include "layers/linear.h"
#include "layers/module.h"

namespace quench::layers {

TEST_CASE("ModeGuard: sets all modes, and restores each afterwards") {
  Random random(1, "test");
  Sequential network;
  const auto layer = network.append(
      "fc", std::make_shared<Linear>(LinearOptions{.in_features = 1, .out_features = 1}, random));
  const auto norm = network.append("bn", std::make_shared<BatchNorm>(1, BatchNormParams{}));
  norm->set_training(false);
  layer->input_quantizer().set_mode(quant::Mode::bypass);
  {
    const ModeGuard guard(network, false, quant::Mode::evaluation);
    CHECK_FALSE(network.training());
    CHECK(layer->input_quantizer().mode() == quant::Mode::evaluation);
    CHECK(layer->weight_quantizer().mode() == quant::Mode::evaluation);
  }
  CHECK(network.training());
  CHECK(layer->training());
  CHECK_FALSE(norm->training());
  CHECK(layer->input_quantizer().mode() == quant::Mode::bypass);
  CHECK(layer->weight_quantizer().mode() == quant::Mode::training);
}

}  // namespace quench::layers
