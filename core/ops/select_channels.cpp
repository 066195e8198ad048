#include "core/ops/select_channels.h"

#include <algorithm>

#include "core/parallel.h"
#include "support/error.h"

namespace quench {
namespace {

void check(const Shape& x, std::span<const std::int64_t> channels) {
  require(
      (x.rank() == 2 || x.rank() == 4) && !channels.empty(),
      "select_channels: expected [N, C] or [N, C, H, W] and at least one channel, got {} and {}",
      x.to_string(), channels.size());
  const auto [least, most] = std::ranges::minmax(channels);
  require(least >= 0 && most < x[1], "select_channels: expected channels in 0..{}, got {}",
          x[1] - 1, least < 0 ? least : most);
}

/// Calls body(from, to) for each pixel, with its offsets in x and in the selection.
template <typename Body>
void for_each_pixel(std::int64_t pixels, std::int64_t channels, std::int64_t selected, Body body) {
  parallel_for(pixels, kParallelGrain / std::max(channels, selected) + 1,
               [=](std::int64_t begin, std::int64_t end) {
                 for (std::int64_t p = begin; p < end; ++p) body(p * channels, p * selected);
               });
}

/// Whether the channels are consecutive, so that one copy per pixel suffices.
bool is_slice(std::span<const std::int64_t> channels) {
  return std::ranges::adjacent_find(
             channels, [](std::int64_t a, std::int64_t b) { return b != a + 1; }) == channels.end();
}

}  // namespace

Tensor select_channels(const Tensor& x, std::span<const std::int64_t> channels) {
  check(x.shape(), channels);
  const std::int64_t count = std::ssize(channels);
  Tensor out(x.shape().with(1, count));
  const float* in = x.data();
  float* o = out.data();
  const std::int64_t* selected = channels.data();
  if (is_slice(channels)) {
    const float* first = in + channels[0];
    for_each_pixel(out.numel() / count, x.dim(1), count, [=](std::int64_t from, std::int64_t to) {
      std::copy_n(first + from, count, o + to);
    });
    return out;
  }
  for_each_pixel(out.numel() / count, x.dim(1), count, [=](std::int64_t from, std::int64_t to) {
    for (std::int64_t c = 0; c < count; ++c) o[to + c] = in[from + selected[c]];
  });
  return out;
}

Tensor select_channels_backward(const Tensor& grad_output, std::span<const std::int64_t> channels,
                                const Shape& input) {
  check(input, channels);
  const std::int64_t count = std::ssize(channels);
  require(grad_output.shape() == input.with(1, count),
          "select_channels: expected a gradient of shape {}, got {}",
          input.with(1, count).to_string(), grad_output.shape().to_string());
  Tensor grad_input = Tensor::zeros(input);
  const float* grad = grad_output.data();
  float* out = grad_input.data();
  const std::int64_t* selected = channels.data();
  for_each_pixel(grad_output.numel() / count, input[1], count,
                 [=](std::int64_t to, std::int64_t from) {
                   for (std::int64_t c = 0; c < count; ++c) out[to + selected[c]] += grad[from + c];
                 });
  return grad_input;
}

}  // namespace quench
