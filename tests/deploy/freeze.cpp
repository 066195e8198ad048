#include "deploy/freeze.h"

#include <doctest/doctest.h>

#include <stdexcept>

#include "deploy/deployed_checks.h"
#include "deploy/trained_network.h"
#include "ptq/fold.h"
#include "quant/strategies/none.h"

using namespace quench;
using namespace quench::deploy;
using testing::QuantizedCase;

namespace {

void check_same_bits(const QuantizedCase& c) {
  CAPTURE(c.model);
  CAPTURE(c.method);
  CAPTURE(c.bits);
  const auto network = testing::trained_network(c);
  testing::check_evaluation(*network, c.image_size);
}

}  // namespace

TEST_CASE("freeze: the interpreter gives the codes and logits of evaluation, for every method") {
  for (const quant::StrategyInfo& info : quant::registered_quantizers()) {
    if (info.name == "none" || info.name == "xnor") continue;
    check_same_bits({.model = "resnet8", .method = info.name, .bits = 4});
  }
}

TEST_CASE("freeze: the interpreter gives the codes and logits of evaluation, for every network") {
  for (const char* model : {"resnet20", "resnet50_v2", "mobilenet_v1", "mobilenet_v2", "mnasnet"}) {
    check_same_bits({.model = model, .method = "ab"});
  }
}

TEST_CASE("freeze: a 1-bit network, whose max pools read sums") {
  for (const char* method : {"ab", "ste"})
    check_same_bits({.model = "binarynet", .method = method, .bits = 1});
}

TEST_CASE("freeze: folded batch norms are in the codes") {
  const auto network = testing::trained_network({.model = "mobilenet_v1", .method = "lsq"});
  CHECK(!ptq::fold_batch_norms(*network).empty());
  testing::check_evaluation(*network, 16);
}

TEST_CASE("freeze: the error names the slot without an integer form") {
  const auto network = testing::trained_network({.model = "resnet8"});
  auto* first = network->quantized_layers().front();
  first->set_input_quantizer(std::make_shared<quant::NoQuantizer>());
  CHECK_THROWS_WITH_AS(freeze(*network, {1, 3, 16, 16}),
                       doctest::Contains("conv1 reads float32 values"), std::invalid_argument);
}
