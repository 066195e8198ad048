#include "core/ops/select_pixels.h"

#include <algorithm>

#include "core/parallel.h"
#include "support/error.h"

namespace quench {
namespace {

using Numbers = std::span<const std::int64_t>;

void check_numbers(Numbers numbers, std::int64_t size, const char* what) {
  require(!numbers.empty(), "select_pixels: expected at least one entry in {}, got none", what);
  const auto [least, most] = std::ranges::minmax(numbers);
  require(least >= 0 && most < size, "select_pixels: expected {} in 0..{}, got {}", what, size - 1,
          least < 0 ? least : most);
}

Shape selected_shape(const Shape& x, Numbers rows, Numbers columns) {
  require(x.rank() == 4, "select_pixels: expected [N, C, H, W], got {}", x.to_string());
  check_numbers(rows, x[2], "rows");
  check_numbers(columns, x[3], "columns");
  return x.with(2, std::ssize(rows)).with(3, std::ssize(columns));
}

/// Calls body(from, to) for each selected pixel, with its offsets in x and in the selection.
template <typename Body>
void for_each_pixel(const Shape& x, Numbers rows, Numbers columns, Body body) {
  const std::int64_t channels = x[1], height = x[2], width = x[3];
  const std::int64_t selected = std::ssize(rows) * std::ssize(columns) * channels;
  parallel_for(x[0], kParallelGrain / std::max<std::int64_t>(selected, 1) + 1,
               [=](std::int64_t begin, std::int64_t end) {
                 for (std::int64_t n = begin; n < end; ++n) {
                   std::int64_t to = n * selected;
                   for (const std::int64_t row : rows) {
                     const std::int64_t first = (n * height + row) * width;
                     for (const std::int64_t column : columns) {
                       body((first + column) * channels, to);
                       to += channels;
                     }
                   }
                 }
               });
}

}  // namespace

Tensor select_pixels(const Tensor& x, Numbers rows, Numbers columns) {
  Tensor out(selected_shape(x.shape(), rows, columns));
  const std::int64_t channels = x.dim(1);
  const float* in = x.data();
  float* o = out.data();
  for_each_pixel(x.shape(), rows, columns, [=](std::int64_t from, std::int64_t to) {
    std::copy_n(in + from, channels, o + to);
  });
  return out;
}

Tensor select_pixels_backward(const Tensor& grad_output, Numbers rows, Numbers columns,
                              const Shape& input) {
  const Shape expected = selected_shape(input, rows, columns);
  require(grad_output.shape() == expected, "select_pixels: expected a gradient of shape {}, got {}",
          expected.to_string(), grad_output.shape().to_string());
  Tensor grad_input = Tensor::zeros(input);
  const std::int64_t channels = input[1];
  const float* grad = grad_output.data();
  float* out = grad_input.data();
  for_each_pixel(input, rows, columns, [=](std::int64_t to, std::int64_t from) {
    for (std::int64_t c = 0; c < channels; ++c) out[to + c] += grad[from + c];
  });
  return grad_input;
}

}  // namespace quench
