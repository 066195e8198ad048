#include <immintrin.h>

#include <cstdint>

#include "deploy/kernels/depthwise_tile.h"

// As on AVX2, with 32 channels, and with vpdpwssd, which multiplies and adds twice at once: of two taps
// of 32 channels 2 loads, 2 interleavings and 2 multiplications; fp32 has 4 loads and 4 FMA.

#define QUENCH_UNROLL _Pragma("GCC unroll 16")

namespace quench::deploy {
namespace {

/// Stores those of 16 sums that are left.
inline void store(__m512i sums, int left, std::int32_t* out) {
  const auto stored = static_cast<__mmask16>(left >= 16 ? 0xffff : left > 0 ? (1 << left) - 1 : 0);
  _mm512_mask_storeu_epi32(out, stored, sums);
}

template <int P>
void tile(const std::byte* const* windows, const DepthwiseWeights& depthwise, std::int32_t* sums) {
  const std::byte* window[P];
  QUENCH_UNROLL for (int p = 0; p < P; ++p) window[p] = windows[p];
  const std::int16_t* weights = depthwise.weights;
  const __m512i first_half = _mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11);
  const __m512i second_half = _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15);
  for (std::int32_t channel = 0; channel < depthwise.channels; channel += 32) {
    __m512i low[P], high[P];  // the low and the high halves of each 8 channels
    QUENCH_UNROLL for (int p = 0; p < P; ++p) {
      low[p] = _mm512_loadu_si512(depthwise.start + channel);
      high[p] = _mm512_loadu_si512(depthwise.start + channel + 16);
    }
    const std::int32_t* taps = depthwise.taps;
    for (std::int32_t pair = depthwise.pairs; pair > 0; --pair, weights += 64, taps += 2) {
      const std::int64_t first = taps[0] + 2 * channel, second = taps[1] + 2 * channel;
      const __m512i low_weights = _mm512_loadu_si512(weights),
                    high_weights = _mm512_loadu_si512(weights + 32);
      QUENCH_UNROLL for (int p = 0; p < P; ++p) {
        __m512i a = _mm512_loadu_si512(window[p] + first),
                b = _mm512_loadu_si512(window[p] + second);
        asm volatile("" : "+v"(a), "+v"(b));  // g++ would load each twice
        low[p] = _mm512_dpwssd_epi32(low[p], _mm512_unpacklo_epi16(a, b), low_weights);
        high[p] = _mm512_dpwssd_epi32(high[p], _mm512_unpackhi_epi16(a, b), high_weights);
      }
    }
    std::int32_t* out = sums + channel;
    const std::int32_t left = depthwise.channels - channel;
    QUENCH_UNROLL for (int p = 0; p < P; ++p, out += depthwise.channels) {
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
}

DepthwiseTile find(int pixels) {
  static constexpr DepthwiseTile kTiles[] = {tile<1>, tile<2>, tile<3>, tile<4>,
                                             tile<5>, tile<6>, tile<7>, tile<8>};
  return kTiles[pixels - 1];
}

}  // namespace

const DepthwiseTiles kDepthwiseAvx512{.lanes = 32, .pixels = 8, .tile = find};

}  // namespace quench::deploy
