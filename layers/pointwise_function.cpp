#include "layers/pointwise_function.h"

#include "autograd/pointwise.h"

namespace quench {

Variable PointwiseFunction::forward(const Variable& input) {
  return apply(function_, input_quantizer().forward(input));
}

}  // namespace quench
