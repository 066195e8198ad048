#include "layers/pool.h"

#include "autograd/pool.h"

namespace quench {

Variable MaxPool2d::forward(const Variable& input) { return max_pool(input, window_); }
Variable AveragePool2d::forward(const Variable& input) { return average_pool(input, window_); }
Variable GlobalAveragePool::forward(const Variable& input) { return global_average_pool(input); }

}  // namespace quench
