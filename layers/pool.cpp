#include "layers/pool.h"

#include "autograd/nn.h"

namespace quench::layers {
namespace {

/// pool(input) after the quantizer; in evaluation, the scaled mean of the codes.
template <typename Pool>
Variable pool_quantized(quant::Quantizer& quantizer, const Variable& input, Pool pool) {
  if (const auto codes = quantizer.codes(input.value()))
    return Variable(dequantize(pool(Variable(codes->values)).value(), codes->grid));
  return pool(quantizer.forward(input));
}

}  // namespace

Variable MaxPool2d::forward(const Variable& input) { return max_pool2d(input, window_); }

Variable AveragePool2d::forward(const Variable& input) {
  return pool_quantized(input_quantizer(), input,
                        [this](const Variable& x) { return avg_pool2d(x, window_); });
}

Variable GlobalAveragePool::forward(const Variable& input) {
  return pool_quantized(input_quantizer(), input,
                        [](const Variable& x) { return global_avg_pool2d(x); });
}

}  // namespace quench::layers
