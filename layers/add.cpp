#include "layers/add.h"

#include "autograd/activation.h"
#include "autograd/arithmetic.h"

namespace quench {

Variable Add::combine(std::span<const Variable> inputs) {
  const auto [x, y] = quantized(inputs);
  return activate(add(x, y), activation_);
}

}  // namespace quench
