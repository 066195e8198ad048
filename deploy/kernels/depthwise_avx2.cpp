#include <immintrin.h>

#include <cstdint>

#include "deploy/kernels/depthwise_tile.h"

// Codes of two taps, 16 channels of each, are interleaved, and vpmaddwd multiplies and adds them in 32
// bits: exact for all weights. Bound: of two taps of 16 channels 2 loads, 2 interleavings, 2
// multiplications and 2 additions; fp32 has 4 loads and 4 FMA.

#define QUENCH_UNROLL _Pragma("GCC unroll 16")

namespace quench::deploy {
namespace {

inline __m256i load(const void* from) {
  return _mm256_loadu_si256(static_cast<const __m256i*>(from));
}

/// Keeps a vector in a register, and g++ from moving or repeating what computes it.
inline void pin(__m256i& vector) { asm volatile("" : "+x"(vector)); }

inline __m256i load_once(const void* from) {
  __m256i vector = load(from);
  pin(vector);
  return vector;
}

/// Adds the products of pairs of codes and weights.
inline __m256i add_products(__m256i sums, __m256i codes, __m256i weights) {
  return _mm256_add_epi32(sums, _mm256_madd_epi16(codes, weights));
}

/// Stores those of 8 sums that are left.
inline void store(__m256i sums, int left, std::int32_t* out) {
  if (left >= 8) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), sums);
  } else if (left > 0) {
    const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    _mm256_maskstore_epi32(out, _mm256_cmpgt_epi32(_mm256_set1_epi32(left), lane), sums);
  }
}

/// Stores the sums of a block, their halves in order again.
template <int P>
inline void store_tile(const __m256i (&low)[P], const __m256i (&high)[P], std::int32_t channels,
                       std::int32_t channel, std::int32_t* sums) {
  const std::int32_t left = channels - channel;
  std::int32_t* out = sums + channel;
  QUENCH_UNROLL for (int p = 0; p < P; ++p, out += channels) {
    const __m256i first = _mm256_permute2x128_si256(low[p], high[p], 0x20);
    const __m256i second = _mm256_permute2x128_si256(low[p], high[p], 0x31);
    if (left >= 16) {
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), first);
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + 8), second);
    } else {
      store(first, left, out);
      store(second, left - 8, out + 8);
    }
  }
}

template <int P>
void tile(const std::byte* const* windows, const DepthwiseWeights& depthwise, std::int32_t* sums) {
  const std::byte* window[P];
  QUENCH_UNROLL for (int p = 0; p < P; ++p) window[p] = windows[p];
  const std::int16_t* weights = depthwise.weights;
  for (std::int32_t channel = 0; channel < depthwise.channels; channel += 16) {
    __m256i low[P], high[P];  // channels 0-3 and 8-11, 4-7 and 12-15
    QUENCH_UNROLL for (int p = 0; p < P; ++p) {
      low[p] = load(depthwise.start + channel);
      high[p] = load(depthwise.start + channel + 8);
    }
    const std::int32_t* taps = depthwise.taps;
    for (std::int32_t pair = depthwise.pairs; pair > 0; --pair, weights += 32, taps += 2) {
      const std::int64_t first = taps[0] + 2 * channel, second = taps[1] + 2 * channel;
      const __m256i low_weights = load(weights), high_weights = load(weights + 16);
      QUENCH_UNROLL for (int p = 0; p < P; ++p) {
        const __m256i a = load_once(window[p] + first), b = load_once(window[p] + second);
        low[p] = add_products(low[p], _mm256_unpacklo_epi16(a, b), low_weights);
        high[p] = add_products(high[p], _mm256_unpackhi_epi16(a, b), high_weights);
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
  __m256i low[P], high[P];
  QUENCH_UNROLL for (int p = 0; p < P; ++p) {
    low[p] = load(depthwise.start + channel);
    high[p] = load(depthwise.start + channel + 8);
  }
  __m256i third = load(codes + 2 * row);
  QUENCH_UNROLL for (int x = 0; x < kColumns; ++x) {
    const __m256i first = load_once(codes + x * column),
                  second = load_once(codes + row + x * column);
    __m256i next = third;  // what is right of the last column is multiplied with 0
    if (x + 1 < kColumns) next = load_once(codes + 2 * row + (x + 1) * column);
    const __m256i low_rows = _mm256_unpacklo_epi16(first, second);
    const __m256i high_rows = _mm256_unpackhi_epi16(first, second);
    const __m256i low_third = _mm256_unpacklo_epi16(third, next);
    const __m256i high_third = _mm256_unpackhi_epi16(third, next);
    third = next;
    QUENCH_UNROLL for (int tap = 0; tap < 3; ++tap) {
      const int p = (x - tap) / S;
      if (x < tap || (x - tap) % S != 0 || p >= P) continue;
      low[p] = add_products(low[p], low_rows, load(weights + tap * 32));
      high[p] = add_products(high[p], high_rows, load(weights + tap * 32 + 16));
      if (tap != 1) {
        const int pair = tap == 0 ? 3 : 4;
        low[p] = add_products(low[p], low_third, load(weights + pair * 32));
        high[p] = add_products(high[p], high_third, load(weights + pair * 32 + 16));
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
  for (std::int32_t channel = 0; channel < depthwise.channels; channel += 16, weights += 160)
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

const DepthwiseTiles kDepthwiseAvx2{
    .lanes = 16, .pixels = 4, .tile = find, .row = {row<1>, row<2>}};

}  // namespace quench::deploy
