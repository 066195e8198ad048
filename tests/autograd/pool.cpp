#include "autograd/gradient_check.h"
#include "autograd/nn.h"

using namespace quench;
using namespace quench::testing;

// All are linear near the inputs: a step smaller than any two values of a window are apart, and a
// tight tolerance.

TEST_CASE("max_pool2d: backward is the derivative") {
  Tensor x({2, 3, 5, 6});
  for (std::int64_t i = 0; i < x.numel(); ++i) {
    x.data()[i] =
        static_cast<float>(i * 7919 % x.numel()) * 0.1f;  // 7919 is prime: all values differ
  }
  for (const Window2d& window :
       {Window2d{{2, 2}, {2, 2}, {}}, Window2d{{3, 3}, {2, 2}, {1, 1, 1, 1}},
        Window2d{{3, 2}, {1, 1}, {0, 1, 2, 0}}}) {
    check_gradients([&](const auto& in) { return max_pool2d(in[0], window); }, {x}, 0.04, 1e-4);
  }
}

TEST_CASE("avg_pool2d and global_avg_pool2d: backward is the derivative") {
  const Tensor x = random_tensor({2, 3, 5, 4}, 1);
  for (const Window2d& window :
       {Window2d{{2, 2}, {2, 2}, {}}, Window2d{{3, 3}, {2, 1}, {1, 1, 1, 1}}}) {
    check_gradients([&](const auto& in) { return avg_pool2d(in[0], window); }, {x}, 0.5, 1e-5);
  }
  check_gradients([](const auto& in) { return global_avg_pool2d(in[0]); }, {x}, 0.5, 1e-5);
}
