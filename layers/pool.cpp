#include "layers/pool.h"

#include "autograd/pool.h"

namespace quench {

Variable MaxPool2d::forward(const Variable& input) { return max_pool2d(input, window_); }
Variable AveragePool2d::forward(const Variable& input) { return avg_pool2d(input, window_); }
Variable GlobalAveragePool::forward(const Variable& input) { return global_avg_pool2d(input); }

}  // namespace quench
