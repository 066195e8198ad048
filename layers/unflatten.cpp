#include "layers/unflatten.h"

#include "autograd/shape_ops.h"
#include "support/error.h"

namespace quench {

Variable Unflatten::forward(const Variable& input) {
  require(input.shape().rank() == 2, "{}: expected [N, C], got {}", name(),
          input.shape().to_string());
  return reshape(input, {input.shape()[0], input.shape()[1], 1, 1});
}

}  // namespace quench
