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

/// Stores those of 8 sums that are left.
inline void store(__m256i sums, int left, std::int32_t* out) {
  if (left >= 8) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), sums);
  } else if (left > 0) {
    const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    _mm256_maskstore_epi32(out, _mm256_cmpgt_epi32(_mm256_set1_epi32(left), lane), sums);
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
        __m256i a = load(window[p] + first), b = load(window[p] + second);
        asm volatile("" : "+x"(a), "+x"(b));  // g++ would load each twice
        low[p] =
            _mm256_add_epi32(low[p], _mm256_madd_epi16(_mm256_unpacklo_epi16(a, b), low_weights));
        high[p] =
            _mm256_add_epi32(high[p], _mm256_madd_epi16(_mm256_unpackhi_epi16(a, b), high_weights));
      }
    }
    std::int32_t* out = sums + channel;
    const std::int32_t left = depthwise.channels - channel;
    QUENCH_UNROLL for (int p = 0; p < P; ++p, out += depthwise.channels) {
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
}

DepthwiseTile find(int pixels) {
  static constexpr DepthwiseTile kTiles[] = {tile<1>, tile<2>, tile<3>, tile<4>};
  return kTiles[pixels - 1];
}

}  // namespace

const DepthwiseTiles kDepthwiseAvx2{.lanes = 16, .pixels = 4, .tile = find};

}  // namespace quench::deploy
