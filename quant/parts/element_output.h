#pragma once

#include <atomic>
#include <cstdint>
#include <type_traits>

#include "core/ops/byte_codes.h"
#include "core/tensor.h"
#include "quant/code.h"
#include "quant/quantizer.h"
#include "quant/statistics/ordered_sum.h"

namespace quench::quant {

/// What `to` receives for x: its value, or the byte of its code.
template <typename Element>
void write_element(const Element& element, float x, float* to) {
  *to = element(x);
}
inline void write_element(const NearestOnGrid& element, float x, std::uint8_t* to) {
  *to = static_cast<std::uint8_t>(static_cast<int>(element.code(x) - element.range.low));
}

/// The output of an element-wise map of x in training: f32 values, or the bytes of `on`'s grid if its layer wants them and
/// every value is on the grid. Values then exist for one piece at a time, in cache, or not at all.
///
/// @param on               the quantizer whose training forward pass this output is; null: values
/// @param element          the map; NearestOnGrid writes codes without the way over values
/// @param pieces           those of x
/// @param write            write(begin, end, to) computes the values of a range, or write_element() of codes where `to`
///                         points to bytes; called again for all if a value is off the grid
template <typename Element, typename Write>
Tensor element_output(const Shape& shape, const Quantizer* on, const Element& element,
                      const Pieces& pieces, Write write) {
  if (on != nullptr && on->wants_bytes()) {
    const ByteGrid grid = byte_grid(on->grid());
    Tensor bytes(shape, DType::u8);
    std::uint8_t* to = bytes.data<std::uint8_t>();
    if constexpr (std::is_same_v<Element, NearestOnGrid>) {
      const CodeRange range{static_cast<float>(grid.low), static_cast<float>(grid.high)};
      if (element == NearestOnGrid{grid.scale, range} && grid.offset == 0.0f) {
        pieces.for_each_range(
            [&, to](std::int64_t begin, std::int64_t end) { write(begin, end, to + begin); });
        return bytes;
      }
    }
    std::atomic<bool> exact{true};
    pieces.for_each_range([&, to](std::int64_t begin, std::int64_t end) {
      if (!exact.load(std::memory_order_relaxed)) return;
      alignas(64) float values[Pieces::kSize];
      write(begin, end, values);
      if (!write_bytes(values, end - begin, grid, to + begin))
        exact.store(false, std::memory_order_relaxed);
    });
    if (exact) return bytes;
  }
  Tensor output(shape);
  float* to = output.data();
  pieces.for_each_range(
      [&, to](std::int64_t begin, std::int64_t end) { write(begin, end, to + begin); });
  return output;
}

}  // namespace quench::quant
