#include "core/ops/rearrange.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "core/parallel.h"
#include "support/error.h"

namespace quench {
namespace {

std::int64_t values_of(const std::vector<std::int64_t>& sizes) {
  std::int64_t values = 1;
  for (const std::int64_t size : sizes) {
    require(size >= 1 && !__builtin_mul_overflow(values, size, &values),
            "rearrange: expected sizes of at least 1, got [{}]", fmt::join(sizes, ", "));
  }
  return values;
}

void check(const Rearrangement& rearrangement, const Shape& input) {
  check_rearrangement(rearrangement);
  require(input.rank() >= 2 && input[0] >= 1 &&
              input.numel() / input[0] == values_of(rearrangement.dims),
          "rearrange: expected [N, ...] with {} values ([{}]) per image, got {}",
          values_of(rearrangement.dims), fmt::join(rearrangement.dims, ", "), input.to_string());
}

/// Calls copy(from, to, count) for each run of values of all images.
template <typename Copy>
void for_each_run(const Rearrangement& rearrangement, std::int64_t images, Copy copy) {
  const std::int64_t values = values_of(rearrangement.dims);
  parallel_for(images, kParallelGrain / values + 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t image = begin; image < end; ++image) {
      const std::int64_t first = image * values;
      for_each_run(rearrangement, [&](std::int64_t from, std::int64_t to, std::int64_t count) {
        copy(first + from, first + to, count);
      });
    }
  });
}

}  // namespace

void check_rearrangement(const Rearrangement& rearrangement) {
  const auto& [dims, axes, size] = rearrangement;
  std::vector<std::int64_t> sorted = axes, counted(dims.size());
  std::ranges::sort(sorted);
  std::iota(counted.begin(), counted.end(), 0);
  require(sorted == counted, "rearrange: expected each of {} axes once, got [{}]", dims.size(),
          fmt::join(axes, ", "));
  require(size.size() == 3 && values_of(size) == values_of(dims),
          "rearrange: expected an image [C, H, W] with as many values as [{}], got [{}]",
          fmt::join(dims, ", "), fmt::join(size, ", "));
}

Tensor rearrange(const Tensor& x, const Rearrangement& rearrangement) {
  check(rearrangement, x.shape());
  const auto& size = rearrangement.size;
  Tensor out({x.dim(0), size[0], size[1], size[2]});
  const float* in = x.data();
  float* o = out.data();
  for_each_run(rearrangement, x.dim(0),
               [=](std::int64_t from, std::int64_t to, std::int64_t count) {
                 std::copy_n(in + from, count, o + to);
               });
  return out;
}

Tensor rearrange_backward(const Tensor& grad_output, const Rearrangement& rearrangement,
                          const Shape& input) {
  check(rearrangement, input);
  require(grad_output.numel() == input.numel(),
          "rearrange: expected a gradient of {} values, got {}", input.numel(),
          grad_output.shape().to_string());
  Tensor grad_input(input);
  const float* grad = grad_output.data();
  float* out = grad_input.data();
  for_each_run(rearrangement, input[0],
               [=](std::int64_t from, std::int64_t to, std::int64_t count) {
                 std::copy_n(grad + to, count, out + from);
               });
  return grad_input;
}

}  // namespace quench
