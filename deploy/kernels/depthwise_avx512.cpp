#include <immintrin.h>

#include <cstdint>

#include "deploy/kernels/depthwise_tile.h"

// As on AVX2, with 32 channels, and with vpdpwssd, which multiplies and adds twice at once: of two taps
// of 32 channels 2 loads, 2 interleavings and 2 multiplications; fp32 has 4 loads and 4 FMA.

#define QUENCH_UNROLL _Pragma("GCC unroll 16")

namespace quench::deploy {
namespace {

inline __m512i load(const void* from) { return _mm512_loadu_si512(from); }

/// Keeps a vector in a register, and g++ from moving or repeating what computes it.
inline void pin(__m512i& vector) { asm volatile("" : "+v"(vector)); }

inline __m512i load_once(const void* from) {
  __m512i vector = load(from);
  pin(vector);
  return vector;
}

/// Adds the products of pairs of codes and weights.
inline __m512i add_products(__m512i sums, __m512i codes, __m512i weights) {
  return _mm512_dpwssd_epi32(sums, codes, weights);
}

/// Stores those of 16 sums that are left.
inline void store(__m512i sums, int left, std::int32_t* out) {
  const auto stored = static_cast<__mmask16>(left >= 16 ? 0xffff : left > 0 ? (1 << left) - 1 : 0);
  _mm512_mask_storeu_epi32(out, stored, sums);
}

/// Stores the sums of a block, their halves in order again.
template <int P>
inline void store_tile(const __m512i (&low)[P], const __m512i (&high)[P], std::int32_t channels,
                       std::int32_t channel, std::int32_t* sums) {
  const __m512i first_half = _mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11);
  const __m512i second_half = _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15);
  const std::int32_t left = channels - channel;
  std::int32_t* out = sums + channel;
  QUENCH_UNROLL for (int p = 0; p < P; ++p, out += channels) {
    const __m512i first = _mm512_permutex2var_epi64(low[p], first_half, high[p]);
    const __m512i second = _mm512_permutex2var_epi64(low[p], second_half, high[p]);
    if (left >= 32) {
      _mm512_storeu_si512(out, first);
      _mm512_storeu_si512(out + 16, second);
    } else {
      store(first, left, out);
      store(second, left - 16, out + 16);
    }
  }
}

template <int P>
void tile(const std::byte* const* windows, const DepthwiseWeights& depthwise, std::int32_t* sums) {
  const std::byte* window[P];
  QUENCH_UNROLL for (int p = 0; p < P; ++p) window[p] = windows[p];
  const std::int16_t* weights = depthwise.weights;
  for (std::int32_t channel = 0; channel < depthwise.channels; channel += 32) {
    __m512i low[P], high[P];  // the low and the high halves of each 8 channels
    QUENCH_UNROLL for (int p = 0; p < P; ++p) {
      low[p] = load(depthwise.start + channel);
      high[p] = load(depthwise.start + channel + 16);
    }
    const std::int32_t* taps = depthwise.taps;
    for (std::int32_t pair = depthwise.pairs; pair > 0; --pair, weights += 64, taps += 2) {
      const std::int64_t first = taps[0] + 2 * channel, second = taps[1] + 2 * channel;
      const __m512i low_weights = load(weights), high_weights = load(weights + 32);
      QUENCH_UNROLL for (int p = 0; p < P; ++p) {
        const __m512i a = load_once(window[p] + first), b = load_once(window[p] + second);
        low[p] = add_products(low[p], _mm512_unpacklo_epi16(a, b), low_weights);
        high[p] = add_products(high[p], _mm512_unpackhi_epi16(a, b), high_weights);
      }
    }
    store_tile(low, high, depthwise.channels, channel, sums);
  }
}

/// Neighbouring windows share columns: the first two rows of a column are interleaved once for all the
/// windows that hold it, the third row with its right neighbour.
/// @param codes    of the first window, from the block's first channel on
/// @param weights  of the block
template <int P, int S>
inline __attribute__((always_inline)) void row_tile(const std::byte* codes,
                                                    const std::int16_t* weights,
                                                    const DepthwiseWeights& depthwise,
                                                    std::int32_t channel, std::int32_t* sums) {
  constexpr int kColumns = (P - 1) * S + 3;
  const std::int64_t row = depthwise.row_bytes, column = depthwise.column_bytes;
  __m512i low[P], high[P];
  QUENCH_UNROLL for (int p = 0; p < P; ++p) {
    low[p] = load(depthwise.start + channel);
    high[p] = load(depthwise.start + channel + 16);
  }
  __m512i third = load(codes + 2 * row);
  QUENCH_UNROLL for (int x = 0; x < kColumns; ++x) {
    const __m512i first = load_once(codes + x * column),
                  second = load_once(codes + row + x * column);
    __m512i next = third;  // what is right of the last column is multiplied with 0
    if (x + 1 < kColumns) next = load_once(codes + 2 * row + (x + 1) * column);
    const __m512i low_rows = _mm512_unpacklo_epi16(first, second);
    const __m512i high_rows = _mm512_unpackhi_epi16(first, second);
    const __m512i low_third = _mm512_unpacklo_epi16(third, next);
    const __m512i high_third = _mm512_unpackhi_epi16(third, next);
    third = next;
    QUENCH_UNROLL for (int tap = 0; tap < 3; ++tap) {
      const int p = (x - tap) / S;
      if (x < tap || (x - tap) % S != 0 || p >= P) continue;
      low[p] = add_products(low[p], low_rows, load(weights + tap * 64));
      high[p] = add_products(high[p], high_rows, load(weights + tap * 64 + 32));
      if (tap != 1) {
        const int pair = tap == 0 ? 3 : 4;
        low[p] = add_products(low[p], low_third, load(weights + pair * 64));
        high[p] = add_products(high[p], high_third, load(weights + pair * 64 + 32));
      }
      pin(low[p]);
      pin(high[p]);
    }
  }
  store_tile(low, high, depthwise.channels, channel, sums);
}

/// All channels of P windows.
template <int P, int S>
inline __attribute__((always_inline)) void row_tiles(const std::byte* window,
                                                     const DepthwiseWeights& depthwise,
                                                     std::int32_t* sums) {
  const std::int16_t* weights = depthwise.weights;
  for (std::int32_t channel = 0; channel < depthwise.channels; channel += 32, weights += 320)
    row_tile<P, S>(window + 2 * channel, weights, depthwise, channel, sums);
}

template <int S>
void row(const std::byte* window, std::int64_t pixels, const DepthwiseWeights& depthwise,
         std::int32_t* sums) {
  const std::int64_t stride = depthwise.channels, step = S * std::int64_t{depthwise.column_bytes};
  for (; pixels >= 4; pixels -= 4, window += 4 * step, sums += 4 * stride)
    row_tiles<4, S>(window, depthwise, sums);
  if (pixels == 3) row_tiles<3, S>(window, depthwise, sums);
  if (pixels == 2) row_tiles<2, S>(window, depthwise, sums);
  if (pixels == 1) row_tiles<1, S>(window, depthwise, sums);
}

DepthwiseTile find(int pixels) {
  static constexpr DepthwiseTile kTiles[] = {tile<1>, tile<2>, tile<3>, tile<4>};
  return kTiles[pixels - 1];
}

}  // namespace

const DepthwiseTiles kDepthwiseAvx512{
    .lanes = 32, .pixels = 4, .tile = find, .row = {row<1>, row<2>}};

}  // namespace quench::deploy
