#pragma once

#include <doctest/doctest.h>

#include "deploy/engine/engine.h"
#include "deploy/freeze.h"
#include "deploy/interpreter/interpreter.h"
#include "deploy/verify.h"
#include "layers/reference.h"

namespace quench::testing {

/// Codes and logits of the interpreter against evaluation. Returns the integers.
inline deploy::IntegerNetwork check_evaluation(layers::Module& network, std::int64_t image_size) {
  const deploy::IntegerNetwork integers = deploy::freeze(network, {1, 3, image_size, image_size});
  const Tensor images = random_tensor({2, 3, image_size, image_size}, 9);
  const auto result = deploy::compare_with_evaluation(network, integers,
                                                      deploy::interpret(integers, images), images);
  CHECK(result.size() > 1);
  for (const deploy::ValueMismatches& value : result) {
    CAPTURE(value.reader);
    CHECK(value.compared > 0);
    CHECK(value.different == 0);
  }
  return integers;
}

/// Every value and the logits of the engine against the interpreter, with every instruction set.
inline void check_engine(const deploy::IntegerNetwork& network) {
  const Tensor images = random_tensor({3, network.channels, network.height, network.width}, 9);
  const deploy::Values expected = deploy::interpret(network, images);
  for (int isa = 0; isa <= static_cast<int>(kernels::best_isa()); ++isa) {
    CAPTURE(isa);
    deploy::Engine engine(network, static_cast<kernels::Isa>(isa));
    const deploy::Values values = engine.values(images);
    for (deploy::ValueId id = 0; id < values.size(); ++id) {
      CAPTURE(network.values[id].readers[0]);
      CHECK(same_bits(values[id], expected[id]));
    }
    CHECK(same_bits(engine(images), deploy::logits_of(network, expected)));
  }
}

}  // namespace quench::testing
