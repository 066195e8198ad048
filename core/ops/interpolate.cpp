#include "core/ops/interpolate.h"

#include <algorithm>
#include <array>

#include "core/parallel.h"
#include "support/error.h"

namespace quench {
namespace {

using Samples = std::span<const Between>;

void check_samples(Samples samples, std::int64_t size, const char* what) {
  require(!samples.empty(), "interpolate: expected at least one entry in {}, got none", what);
  for (const auto& [first, second, weight] : samples)
    require(std::min(first, second) >= 0 && std::max(first, second) < size,
            "interpolate: expected {} in 0..{}, got {} and {}", what, size - 1, first, second);
}

Shape interpolated_shape(const Shape& x, Samples rows, Samples columns) {
  require(x.rank() == 4, "interpolate: expected [N, C, H, W], got {}", x.to_string());
  check_samples(rows, x[2], "rows");
  check_samples(columns, x[3], "columns");
  return x.with(2, std::ssize(rows)).with(3, std::ssize(columns));
}

/// The offsets and weights of the four pixels.
struct Corners {
  std::array<std::int64_t, 4> offset;
  std::array<float, 4> weight;
};

/// Calls body(corners, to) for each pixel of the result; `to` is its offset.
template <typename Body>
void for_each_pixel(const Shape& x, Samples rows, Samples columns, Body body) {
  const std::int64_t channels = x[1], height = x[2], width = x[3];
  const std::int64_t results = std::ssize(rows) * std::ssize(columns) * channels;
  parallel_for(
      x[0], kParallelGrain / std::max<std::int64_t>(results, 1) + 1,
      [=](std::int64_t begin, std::int64_t end) {
        for (std::int64_t n = begin; n < end; ++n) {
          std::int64_t to = n * results;
          for (const Between& row : rows) {
            const std::int64_t above = (n * height + row.first) * width,
                               below = (n * height + row.second) * width;
            for (const Between& column : columns) {
              const float w = row.weight, v = column.weight;
              body(Corners{{(above + column.first) * channels, (above + column.second) * channels,
                            (below + column.first) * channels, (below + column.second) * channels},
                           {(1.0f - w) * (1.0f - v), (1.0f - w) * v, w * (1.0f - v), w * v}},
                   to);
              to += channels;
            }
          }
        }
      });
}

}  // namespace

Tensor interpolate(const Tensor& x, Samples rows, Samples columns) {
  Tensor out(interpolated_shape(x.shape(), rows, columns));
  const std::int64_t channels = x.dim(1);
  const float* in = x.data();
  float* o = out.data();
  for_each_pixel(x.shape(), rows, columns, [=](const Corners& from, std::int64_t to) {
    const auto& [offset, weight] = from;
    for (std::int64_t c = 0; c < channels; ++c)
      o[to + c] = weight[0] * in[offset[0] + c] + weight[1] * in[offset[1] + c] +
                  weight[2] * in[offset[2] + c] + weight[3] * in[offset[3] + c];
  });
  return out;
}

Tensor interpolate_backward(const Tensor& grad_output, Samples rows, Samples columns,
                            const Shape& input) {
  const Shape expected = interpolated_shape(input, rows, columns);
  require(grad_output.shape() == expected, "interpolate: expected a gradient of shape {}, got {}",
          expected.to_string(), grad_output.shape().to_string());
  Tensor grad_input = Tensor::zeros(input);
  const std::int64_t channels = input[1];
  const float* grad = grad_output.data();
  float* out = grad_input.data();
  for_each_pixel(input, rows, columns, [=](const Corners& to, std::int64_t from) {
    for (std::size_t i = 0; i < 4; ++i)
      for (std::int64_t c = 0; c < channels; ++c)
        out[to.offset[i] + c] += to.weight[i] * grad[from + c];
  });
  return grad_input;
}

}  // namespace quench
