#include "deploy/kernels/binary_geometry.h"

namespace quench::deploy {

TapRange Axis::on_image(std::int64_t output) const {
  const std::int64_t first = output * stride - before;
  TapRange range{.begin = kernel, .end = kernel};
  for (int k = 0; k < kernel; ++k) {
    const std::int64_t place = first + k * dilation;
    if (place >= 0 && range.begin == kernel) range.begin = k;
    if (place >= size && range.end == kernel) range.end = k;
  }
  return range;
}

Axis rows_of(const ConvProblem& problem) {
  return {.size = problem.height,
          .out = problem.out_height(),
          .before = problem.params.padding.top,
          .stride = problem.params.stride[0],
          .dilation = problem.params.dilation[0],
          .kernel = problem.kernel[0]};
}

Axis columns_of(const ConvProblem& problem) {
  return {.size = problem.width,
          .out = problem.out_width(),
          .before = problem.params.padding.left,
          .stride = problem.params.stride[1],
          .dilation = problem.params.dilation[1],
          .kernel = problem.kernel[1]};
}

}  // namespace quench::deploy
