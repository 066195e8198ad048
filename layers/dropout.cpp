#include "layers/dropout.h"

#include "autograd/dropout.h"
#include "core/error.h"

namespace quench {

Dropout::Dropout(float probability, Random random)
    : probability_(probability),
      random_(random),
      position_(register_buffer("position", Tensor::zeros({1}, DType::f64))) {
  require(probability >= 0.0f && probability < 1.0f,
          "dropout: expected a probability in [0, 1), got {}", probability);
}

Variable Dropout::forward(const Variable& input) {
  if (!training() || probability_ == 0.0f) return input;
  random_.seek(static_cast<std::uint64_t>(*position_.data<double>()));
  Variable output = dropout(input, probability_, random_);
  *position_.data<double>() = static_cast<double>(random_.position());
  return output;
}

}  // namespace quench
