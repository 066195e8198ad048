#include "layers/flatten.h"

#include "autograd/shape_ops.h"

namespace quench {

Variable Flatten::forward(const Variable& input) { return flatten(input); }

}  // namespace quench
