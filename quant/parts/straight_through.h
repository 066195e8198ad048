#pragma once

#include <algorithm>
#include <atomic>
#include <limits>

#include "autograd/node.h"
#include "core/ops/bits.h"
#include "core/parallel.h"
#include "quant/parts/element_output.h"

namespace quench::quant {

/// Records `output` on the tape as a function of x with the gradient
///
///   dL/dx = factor * dL/doutput where mask is 1, else 0.
///
/// @param mask  u8 of x's shape, 0 and 1; undefined: 1 everywhere. With factor 0, nothing is recorded.
Variable straight_through(const Variable& x, Tensor output, float factor = 1.0f,
                          const Tensor& mask = {});
/// The same with the mask's bits (core/ops/bits.h), which are what backward keeps.
Variable straight_through_bits(const Variable& x, Tensor output, float factor, Tensor bits);

/// factor * grad_output where the bit is 1, else 0; deferred, because what reads it next is often a batch norm's backward.
Tensor masked_gradient(const Tensor& grad_output, Tensor bits, float factor);

/// Where a straight-through gradient passes: low <= x <= high, both ends included; NaN is outside.
struct Window {
  float low = -std::numeric_limits<float>::infinity();
  float high = std::numeric_limits<float>::infinity();
};

/// straight_through() of output[i] = f(x[i]) with the gradient passing inside `window`, in one pass
/// over x. Saves one bit per element for backward, or nothing if all elements are inside.
/// @param on  as in element_output()
template <typename F>
Variable map_straight_through(const Variable& x, Window window, float factor, F f,
                              const Quantizer* on = nullptr) {
  const Tensor& input = x.value();
  const Pieces pieces(input.numel(), 1);  // each begins at a whole byte of bits
  static_assert(Pieces::kSize % 8 == 0);
  // Copies in the loops, because a byte store may alias anything held by reference. Two short loops over a
  // piece that stays in cache, because one loop over floats and bytes is not vectorized.
  const auto write_elements = [f](const float* __restrict from, std::int64_t count,
                                  auto* __restrict to) {
    const F local = f;
    for (std::int64_t i = 0; i < count; ++i) write_element(local, from[i], to + i);
  };
  const bool recorded = factor != 0.0f && Node::wanted({&x, 1});
  if (!recorded) {
    return Variable(element_output(
        input.shape(), on, f, pieces, [&](std::int64_t begin, std::int64_t end, auto* out) {
          alignas(64) float buffer[Pieces::kSize];
          write_elements(input.read(begin, end, buffer), end - begin, out);
        }));
  }

  Tensor bits({bytes_of_bits(input.numel())}, DType::u8);
  std::uint8_t* inside = bits.data<std::uint8_t>();
  std::atomic<bool> all_inside{true};
  Tensor output = element_output(
      input.shape(), on, f, pieces,
      [=, &input, &all_inside](std::int64_t begin, std::int64_t end, auto* out) {
        alignas(64) float buffer[Pieces::kSize];
        const float* __restrict from = input.read(begin, end, buffer);
        write_elements(from, end - begin, out);
        const float low = window.low, high = window.high;
        std::uint8_t passes[Pieces::kSize];
        std::uint8_t all = 1;
        for (std::int64_t i = 0; i < end - begin; ++i) {
          passes[i] = static_cast<std::uint8_t>((from[i] >= low) & (from[i] <= high));
          all &= passes[i];
        }
        pack_bits(passes, end - begin, inside + begin / 8);
        if (all == 0) all_inside.store(false, std::memory_order_relaxed);
      });
  if (all_inside) bits = {};
  return straight_through_bits(x, std::move(output), factor, std::move(bits));
}

}  // namespace quench::quant
