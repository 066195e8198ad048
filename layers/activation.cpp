#include "layers/activation.h"

#include "autograd/activation.h"

namespace quench {

Variable ActivationLayer::forward(const Variable& input) { return activate(input, activation_); }

}  // namespace quench
