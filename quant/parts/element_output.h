#pragma once

#include <atomic>
#include <cstdint>

#include "core/ops/byte_codes.h"
#include "core/tensor.h"
#include "quant/quantizer.h"
#include "quant/statistics/ordered_sum.h"

namespace quench::quant {

/// The output of an element-wise map of x in training: f32 values, or the bytes of `on`'s grid if its layer wants them and
/// every value is on the grid. Values then exist for one piece at a time, in cache.
///
/// @param on               the quantizer whose training forward pass this output is; null: values
/// @param for_each_piece   calls body(begin, end) in parallel, for ranges of at most Pieces::kSize elements that cover x
/// @param write            write(begin, end, to) computes the values of a range; called again for all if one is off the grid
template <typename ForEachPiece, typename Write>
Tensor element_output(const Shape& shape, const Quantizer* on, ForEachPiece for_each_piece,
                      Write write) {
  if (on != nullptr && on->wants_bytes()) {
    const ByteGrid grid = byte_grid(on->grid());
    Tensor bytes(shape, DType::u8);
    std::uint8_t* to = bytes.data<std::uint8_t>();
    std::atomic<bool> exact{true};
    for_each_piece([&, to](std::int64_t begin, std::int64_t end) {
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
  for_each_piece([&, to](std::int64_t begin, std::int64_t end) { write(begin, end, to + begin); });
  return output;
}

}  // namespace quench::quant
