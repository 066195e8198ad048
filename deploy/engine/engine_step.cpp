#include "deploy/engine/engine_step.h"

#include "deploy/engine/convolution_step.h"
#include "deploy/engine/engine_steps.h"

namespace quench::deploy {
namespace {

struct MakeStep {
  const IntegerNetwork& network;
  const Operation& operation;
  Isa isa;
  Products products;

  MadeStep operator()(const Quantize&) const { return make_quantize_step(network, operation); }
  MadeStep operator()(const Convolution&) const {
    return make_convolution_step(network, operation, isa, products);
  }
  MadeStep operator()(const Addition&) const { return make_addition_step(network, operation); }
  MadeStep operator()(const Multiplication&) const {
    return make_multiplication_step(network, operation);
  }
  MadeStep operator()(const Lookup&) const { return make_lookup_step(network, operation); }
  MadeStep operator()(const AveragePool&) const {
    return make_average_pool_step(network, operation);
  }
  MadeStep operator()(const MaxPool&) const { return make_max_pool_step(network, operation); }
  MadeStep operator()(const ZeroPad&) const { return make_zero_pad_step(network, operation); }
  MadeStep operator()(const Concatenation&) const {
    return make_concatenation_step(network, operation);
  }
};

}  // namespace

std::unique_ptr<Engine::Step> make_step(const IntegerNetwork& network, const Operation& operation,
                                        Isa isa, Products products) {
  return std::visit(MakeStep{network, operation, isa, products}, operation.kind);
}

}  // namespace quench::deploy
