#include "kernels/dense_avx2.h"

// For small operands such as 4-bit weights: results of vpmaddubsw are added in 16 bits over as many
// steps as are proved to fit (int16_packing.h), 8 and more, before one vpmaddwd widens them. Bound:
// 32 products for a multiplication and an addition; FMA has 8 per instruction.

namespace quench::kernels {
namespace {

template <int P, int V>
void tile(const std::byte* const* windows, const DenseBlock& block, std::int32_t* sums,
          std::int64_t stride) {
  const std::byte* window[P];
  __m256i sum[P][V];
  QUENCH_UNROLL for (int p = 0; p < P; ++p) {
    window[p] = windows[p];
    QUENCH_UNROLL for (int v = 0; v < V; ++v) sum[p][v] = load_start(block, v);
  }
  const std::byte* weights = block.weights;
  const std::int32_t* offsets = block.offsets;
  const std::int32_t* const end = offsets + block.steps;
  for (const std::int32_t* pairs = block.pairs; offsets < end; ++pairs) {
    __m256i narrow[P][V];
    QUENCH_UNROLL for (int p = 0; p < P; ++p) QUENCH_UNROLL for (int v = 0; v < V; ++v)
        narrow[p][v] = _mm256_setzero_si256();
    for (std::int32_t pair = *pairs; pair > 0; --pair, offsets += 2, weights += 2 * 32 * V) {
      QUENCH_UNROLL for (int d = 0; d < 2; ++d) {
        const std::int64_t offset = offsets[d];
        __m256i weight[V];
        QUENCH_UNROLL for (int v = 0; v < V; ++v) weight[v] = load(weights + 32 * (V * d + v));
        QUENCH_UNROLL for (int p = 0; p < P; ++p) {
          const __m256i codes = broadcast(window[p] + offset);
          QUENCH_UNROLL for (int v = 0; v < V; ++v) {
            narrow[p][v] = _mm256_add_epi16(narrow[p][v], _mm256_maddubs_epi16(codes, weight[v]));
            pin(narrow[p][v]);
          }
        }
      }
    }
    // Recreated each time: kept live through the loop, it would spill a sum.
    std::int32_t two_ones = 0x00010001;
    asm volatile("" : "+r"(two_ones));
    const __m256i one = _mm256_set1_epi32(two_ones);
    QUENCH_UNROLL for (int p = 0; p < P; ++p) {
      QUENCH_UNROLL for (int v = 0; v < V; ++v) {
        sum[p][v] = _mm256_add_epi32(sum[p][v], _mm256_madd_epi16(narrow[p][v], one));
        pin(sum[p][v]);
      }
    }
  }
  QUENCH_UNROLL for (int p = 0; p < P; ++p) QUENCH_UNROLL for (int v = 0; v < V; ++v)
      store(sum[p][v], block, v, sums + p * stride);
}

DenseTile find(int pixels, int vectors) {
  static constexpr DenseTile kTiles[3][2] = {
      {tile<1, 1>, tile<1, 2>}, {tile<2, 1>, tile<2, 2>}, {tile<3, 1>, tile<3, 2>}};
  return kTiles[pixels - 1][vectors - 1];
}

}  // namespace

const DenseTiles kDenseNarrowAvx2{.lanes = 8, .vectors = 2, .pixels = 3, .tile = find};

}  // namespace quench::kernels
