#include "deploy/freeze.h"

#include <doctest/doctest.h>

#include <stdexcept>

#include "deploy/interpreter.h"
#include "deploy/trained_network.h"
#include "deploy/verify.h"
#include "layers/fold.h"
#include "quant/strategies/none.h"

using namespace quench;
using namespace quench::deploy;
using testing::QuantizedCase;

namespace {

/// Different codes and logits between evaluation and the interpreter.
void check_same_bits(Module& network, std::int64_t image_size) {
  const IntegerNetwork integers = freeze(network, {1, 3, image_size, image_size});
  const Tensor images = testing::random_tensor({2, 3, image_size, image_size}, 9);
  const auto result =
      compare_with_evaluation(network, integers, interpret(integers, images), images);
  CHECK(result.size() > 5);
  for (const ValueMismatches& value : result) {
    CAPTURE(value.reader);
    CHECK(value.compared > 0);
    CHECK(value.different == 0);
  }
}

void check_same_bits(const QuantizedCase& c) {
  CAPTURE(c.model);
  CAPTURE(c.method);
  CAPTURE(c.bits);
  const auto network = testing::trained_network(c);
  check_same_bits(*network, c.image_size);
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
  CHECK(!fold_batch_norms(*network, {1, 3, 16, 16}).empty());
  check_same_bits(*network, 16);
}

TEST_CASE("freeze: says which slot has no integers") {
  const auto network = testing::trained_network({.model = "resnet8"});
  auto* first = network->quantized_layers().front();
  first->set_input_quantizer(std::make_shared<quant::NoQuantizer>());
  CHECK_THROWS_WITH_AS(freeze(*network, {1, 3, 16, 16}),
                       doctest::Contains("conv1 reads real numbers"), std::invalid_argument);
}
