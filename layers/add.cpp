#include "layers/add.h"

#include "autograd/activation.h"
#include "autograd/arithmetic.h"

namespace quench {

Variable Add::combine(const Variable& a, const Variable& b) {
  const auto [x, y] = quantized(a, b);
  return activate(add(x, y), activation_);
}

}  // namespace quench
