#include <immintrin.h>

#include <cstdint>

#include "kernels/dense_tile.h"

// VNNI: vpdpbusd multiplies 64 codes by s8 weights and adds groups of four products to 32-bit sums,
// without a 16-bit intermediate. vpdpwssd does the same for 32 codes and weights of 16 bits. Both
// wrap and do not saturate. Bound: 64 or 32 products per instruction; FMA has 16.

#define QUENCH_UNROLL _Pragma("GCC unroll 16")

namespace quench::kernels {
namespace {

/// @tparam Wide  whether codes and weights have 16 bits
template <int P, int V, bool Wide>
void tile(const std::byte* const* windows, const DenseBlock& block, std::int32_t* sums,
          std::int64_t stride) {
  const std::byte* window[P];
  __m512i sum[P][V];
  QUENCH_UNROLL for (int p = 0; p < P; ++p) {
    window[p] = windows[p];
    QUENCH_UNROLL for (int v = 0; v < V; ++v) sum[p][v] = _mm512_loadu_si512(block.start + 16 * v);
  }
  const std::byte* weights = block.weights;
  for (std::int32_t step = 0; step < block.steps; ++step, weights += 64 * V) {
    const std::int64_t offset = block.offsets[step];
    __m512i weight[V];
    QUENCH_UNROLL for (int v = 0; v < V; ++v) weight[v] = _mm512_load_si512(weights + 64 * v);
    QUENCH_UNROLL for (int p = 0; p < P; ++p) {
      std::int32_t four;
      __builtin_memcpy(&four, window[p] + offset, sizeof(four));
      const __m512i codes = _mm512_set1_epi32(four);
      QUENCH_UNROLL for (int v = 0; v < V; ++v) {
        if constexpr (Wide) {
          sum[p][v] = _mm512_dpwssd_epi32(sum[p][v], codes, weight[v]);
        } else {
          sum[p][v] = _mm512_dpbusd_epi32(sum[p][v], codes, weight[v]);
        }
        asm volatile("" : "+v"(sum[p][v]));  // keeps it in its register; g++ would copy it
      }
    }
  }
  QUENCH_UNROLL for (int p = 0; p < P; ++p) {
    QUENCH_UNROLL for (int v = 0; v < V; ++v) {
      const int left = block.channels - 16 * v;
      const auto stored = static_cast<__mmask16>(left >= 16 ? 0xffff : (1 << left) - 1);
      _mm512_mask_storeu_epi32(sums + p * stride + 16 * v, stored, sum[p][v]);
    }
  }
}

template <int P, bool Wide>
constexpr DenseTile kRow[] = {tile<P, 1, Wide>, tile<P, 2, Wide>, tile<P, 3, Wide>,
                              tile<P, 4, Wide>};

template <bool Wide>
DenseTile find(int pixels, int vectors) {
  static constexpr const DenseTile* kTiles[] = {kRow<1, Wide>, kRow<2, Wide>, kRow<3, Wide>,
                                                kRow<4, Wide>, kRow<5, Wide>, kRow<6, Wide>};
  return kTiles[pixels - 1][vectors - 1];
}

}  // namespace

const DenseTiles kDenseDot8Avx512{.lanes = 16, .vectors = 4, .pixels = 6, .tile = find<false>};
const DenseTiles kDenseDot16Avx512{.lanes = 16, .vectors = 4, .pixels = 6, .tile = find<true>};

}  // namespace quench::kernels
