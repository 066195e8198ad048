#include "deploy/engine/engine.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "core/parallel.h"
#include "deploy/deployed_checks.h"
#include "deploy/freeze.h"
#include "deploy/small_network.h"
#include "deploy/trained_network.h"

using namespace quench;
using namespace quench::deploy;

namespace {

using testing::check_engine;
using testing::same_bits;

void check_engine(const testing::QuantizedCase& c) {
  CAPTURE(c.model);
  CAPTURE(c.method);
  const auto network = testing::trained_network(c);
  check_engine(freeze(*network, {1, 3, c.image_size, c.image_size}));
}

}  // namespace

TEST_CASE("engine: the bits of the interpreter, for every kind of operation and grid") {
  check_engine(testing::small_network());
  check_engine(testing::small_graph());
  check_engine(testing::small_branches());
  check_engine(testing::small_moves());
}

TEST_CASE("engine: the bits of the interpreter, for every method") {
  for (const quant::StrategyInfo& info : quant::registered_quantizers()) {
    if (info.name == "none" || info.name == "xnor") continue;
    check_engine({.model = "resnet8", .method = info.name, .bits = 4});
  }
}

TEST_CASE("engine: the bits of the interpreter, at the largest and smallest bit widths") {
  for (const int bits : {1, 8}) {
    for (const char* method : {"ab", "ste", "dorefa"})
      check_engine({.model = "resnet8", .method = method, .bits = bits});
  }
}

TEST_CASE("engine: the bits of the interpreter, for networks of other shapes") {
  check_engine({.model = "binarynet", .method = "ste", .bits = 1});
  for (const char* model : {"resnet20", "mobilenet_v1", "mobilenet_v2"})
    check_engine({.model = model, .image_size = 24, .method = "lsq"});
}

TEST_CASE("engine: any number of threads gives the same bits") {
  const int threads = num_threads();
  const auto network = testing::trained_network({.model = "resnet8", .method = "tqt", .bits = 8});
  Engine engine(freeze(*network, {1, 3, 16, 16}));
  const Tensor images = testing::random_tensor({2, 3, 16, 16}, 4);
  const Tensor expected = logits_of(engine.network(), interpret(engine.network(), images));
  for (const int count : {1, 2, 3, 5}) {
    set_num_threads(count);
    CHECK(same_bits(engine(images), expected));
  }
  set_num_threads(threads);
}

TEST_CASE("engine: NaN and huge pixels have the codes of the interpreter") {
  Engine engine(testing::small_network());
  Tensor images = testing::random_tensor({1, 3, 6, 6}, 4);
  const float infinity = std::numeric_limits<float>::infinity();
  std::ranges::copy(std::array{infinity, -infinity, std::nanf(""), 3e38f, -1e30f},
                    images.data() + 7);
  CHECK(
      same_bits(engine(images), logits_of(engine.network(), interpret(engine.network(), images))));
}

TEST_CASE("engine: images of another size are rejected") {
  Engine engine(testing::small_network());
  CHECK_THROWS_WITH_AS(engine(Tensor::zeros({1, 3, 5, 6})),
                       doctest::Contains("expected images [N, 3, 6, 6]"), std::invalid_argument);
}
