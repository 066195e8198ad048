#include "quant/gradient_quantizer.h"

#include <array>

#include "vectors/operations.h"

namespace quench::vectors {
namespace {

void gradient(const Case& c, Comparison& check) {
  const Tensor y = quant::quantize_gradient(tensor(c.inputs.at("dr")), tensor(c.inputs.at("noise")),
                                            c.params.at("k"));
  check.f32("y", y, c.expect.at("y"));
}

constexpr std::array kOperations{Operation{"dorefa.grad", gradient}};

}  // namespace

std::span<const Operation> gradient_quantizer_operations() { return kOperations; }

}  // namespace quench::vectors
