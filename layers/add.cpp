#include "layers/add.h"

#include "autograd/activation.h"
#include "autograd/arithmetic.h"

namespace quench {

Variable Add::combine(const Variable& a, const Variable& b) {
  return activate(add(a, b), activation_);
}

}  // namespace quench
