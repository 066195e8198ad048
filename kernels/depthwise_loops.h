#pragma once

#include <cstdint>

#include "kernels/depthwise_tile.h"

// The loops of the depthwise kernels, over vectors V of an instruction set. V is a struct in an
// unnamed namespace, so each file gets its own instantiation.
//
//   Vector          V::kChannels codes of 16 bits, or half as many sums
//   load, pin       pin keeps a vector in a register, and its computation in place
//   interleave_low  pairs from the low half of each 8 codes of two vectors, interleave_high those
//                   of the high half
//   add_products    adds the products of pairs of codes and weights to sums
//   put_in_order    turns low and high halves of sums into the first and second half of channels
//   store           the first `left` of V::kChannels / 2 sums

#define QUENCH_UNROLL _Pragma("GCC unroll 16")

namespace quench::kernels {

template <typename V>
inline typename V::Vector load_once(const void* from) {
  typename V::Vector vector = V::load(from);
  V::pin(vector);
  return vector;
}

/// Stores the sums of a block in channel order.
template <typename V, int P>
inline void store_tile(typename V::Vector (&low)[P], typename V::Vector (&high)[P],
                       std::int32_t channels, std::int32_t channel, std::int32_t* sums) {
  constexpr int kHalf = V::kChannels / 2;
  const std::int32_t left = channels - channel;
  std::int32_t* out = sums + channel;
  QUENCH_UNROLL for (int p = 0; p < P; ++p, out += channels) {
    V::put_in_order(low[p], high[p]);
    V::store(low[p], left, out);
    V::store(high[p], left - kHalf, out + kHalf);
  }
}

template <typename V, int P>
void tile(const std::byte* const* windows, const DepthwiseWeights& depthwise, std::int32_t* sums) {
  const std::byte* window[P];
  QUENCH_UNROLL for (int p = 0; p < P; ++p) window[p] = windows[p];
  const std::int16_t* weights = depthwise.weights;
  for (std::int32_t channel = 0; channel < depthwise.channels; channel += V::kChannels) {
    typename V::Vector low[P], high[P];  // the low and the high halves of each 8 channels
    QUENCH_UNROLL for (int p = 0; p < P; ++p) {
      low[p] = V::load(depthwise.start + channel);
      high[p] = V::load(depthwise.start + channel + V::kChannels / 2);
    }
    const std::int32_t* taps = depthwise.taps;
    for (std::int32_t pair = depthwise.pairs; pair > 0;
         --pair, weights += 2 * V::kChannels, taps += 2) {
      const std::int64_t first = taps[0] + 2 * channel, second = taps[1] + 2 * channel;
      const typename V::Vector low_weights = V::load(weights),
                               high_weights = V::load(weights + V::kChannels);
      QUENCH_UNROLL for (int p = 0; p < P; ++p) {
        const typename V::Vector a = load_once<V>(window[p] + first),
                                 b = load_once<V>(window[p] + second);
        low[p] = V::add_products(low[p], V::interleave_low(a, b), low_weights);
        high[p] = V::add_products(high[p], V::interleave_high(a, b), high_weights);
      }
    }
    store_tile<V>(low, high, depthwise.channels, channel, sums);
  }
}

/// Neighbouring windows share columns. The first two rows of a column are interleaved once for all
/// windows that contain it, the third row with its right neighbour.
/// @param codes    of the first window, starting at the block's first channel
/// @param weights  of the block
template <typename V, int P, int S>
inline __attribute__((always_inline)) void row_tile(const std::byte* codes,
                                                    const std::int16_t* weights,
                                                    const DepthwiseWeights& depthwise,
                                                    std::int32_t channel, std::int32_t* sums) {
  constexpr int kColumns = (P - 1) * S + 3;
  const std::int64_t row = depthwise.row_bytes, column = depthwise.column_bytes;
  typename V::Vector low[P], high[P];
  QUENCH_UNROLL for (int p = 0; p < P; ++p) {
    low[p] = V::load(depthwise.start + channel);
    high[p] = V::load(depthwise.start + channel + V::kChannels / 2);
  }
  typename V::Vector third = V::load(codes + 2 * row);
  QUENCH_UNROLL for (int x = 0; x < kColumns; ++x) {
    const typename V::Vector first = load_once<V>(codes + x * column),
                             second = load_once<V>(codes + row + x * column);
    typename V::Vector next = third;  // the value right of the last column is multiplied by 0
    if (x + 1 < kColumns) next = load_once<V>(codes + 2 * row + (x + 1) * column);
    const typename V::Vector low_rows = V::interleave_low(first, second);
    const typename V::Vector high_rows = V::interleave_high(first, second);
    const typename V::Vector low_third = V::interleave_low(third, next);
    const typename V::Vector high_third = V::interleave_high(third, next);
    third = next;
    QUENCH_UNROLL for (int tap = 0; tap < 3; ++tap) {
      const int p = (x - tap) / S;
      if (x < tap || (x - tap) % S != 0 || p >= P) continue;
      low[p] = V::add_products(low[p], low_rows, V::load(weights + 2 * tap * V::kChannels));
      high[p] =
          V::add_products(high[p], high_rows, V::load(weights + (2 * tap + 1) * V::kChannels));
      if (tap != 1) {
        const int pair = tap == 0 ? 3 : 4;
        low[p] = V::add_products(low[p], low_third, V::load(weights + 2 * pair * V::kChannels));
        high[p] =
            V::add_products(high[p], high_third, V::load(weights + (2 * pair + 1) * V::kChannels));
      }
      V::pin(low[p]);
      V::pin(high[p]);
    }
  }
  store_tile<V>(low, high, depthwise.channels, channel, sums);
}

/// All channels of P windows.
template <typename V, int P, int S>
inline __attribute__((always_inline)) void row_tiles(const std::byte* window,
                                                     const DepthwiseWeights& depthwise,
                                                     std::int32_t* sums) {
  const std::int16_t* weights = depthwise.weights;
  for (std::int32_t channel = 0; channel < depthwise.channels;
       channel += V::kChannels, weights += 10 * V::kChannels)
    row_tile<V, P, S>(window + 2 * channel, weights, depthwise, channel, sums);
}

template <typename V, int S>
void row(const std::byte* window, std::int64_t pixels, const DepthwiseWeights& depthwise,
         std::int32_t* sums) {
  const std::int64_t stride = depthwise.channels, step = S * std::int64_t{depthwise.column_bytes};
  for (; pixels >= 4; pixels -= 4, window += 4 * step, sums += 4 * stride)
    row_tiles<V, 4, S>(window, depthwise, sums);
  if (pixels == 3) row_tiles<V, 3, S>(window, depthwise, sums);
  if (pixels == 2) row_tiles<V, 2, S>(window, depthwise, sums);
  if (pixels == 1) row_tiles<V, 1, S>(window, depthwise, sums);
}

template <typename V>
DepthwiseTile find(int pixels) {
  static constexpr DepthwiseTile kTiles[] = {tile<V, 1>, tile<V, 2>, tile<V, 3>, tile<V, 4>};
  return kTiles[pixels - 1];
}

}  // namespace quench::kernels
