#include "kernels/dense_avx2.h"

// Codes and weights are widened to 16 bits: vpmaddwd multiplies 16 of them and adds neighbours in
// 32 bits, where |255 * 255 * 2| fits. Exact for all weights. Bound: 16 products for a
// multiplication and an addition; FMA has 8 per instruction.

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
  for (std::int32_t step = 0; step < block.steps; ++step, weights += 32 * V) {
    const std::int64_t offset = block.offsets[step];
    __m256i weight[V];
    QUENCH_UNROLL for (int v = 0; v < V; ++v) weight[v] = load(weights + 32 * v);
    QUENCH_UNROLL for (int p = 0; p < P; ++p) {
      const __m256i codes = broadcast(window[p] + offset);
      QUENCH_UNROLL for (int v = 0; v < V; ++v) {
        sum[p][v] = _mm256_add_epi32(sum[p][v], _mm256_madd_epi16(codes, weight[v]));
        pin(sum[p][v]);
      }
    }
  }
  QUENCH_UNROLL for (int p = 0; p < P; ++p) QUENCH_UNROLL for (int v = 0; v < V; ++v)
      store(sum[p][v], block, v, sums + p * stride);
}

DenseTile find(int pixels, int vectors) {
  static constexpr DenseTile kTiles[6][2] = {{tile<1, 1>, tile<1, 2>}, {tile<2, 1>, tile<2, 2>},
                                             {tile<3, 1>, tile<3, 2>}, {tile<4, 1>, tile<4, 2>},
                                             {tile<5, 1>, tile<5, 2>}, {tile<6, 1>, tile<6, 2>}};
  return kTiles[pixels - 1][vectors - 1];
}

}  // namespace

const DenseTiles kDenseMadd16Avx2{.lanes = 8, .vectors = 2, .pixels = 6, .tile = find};

}  // namespace quench::kernels
