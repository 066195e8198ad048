#include "kernels/dense_avx2.h"

// vpmaddubsw multiplies 32 codes by weights and adds neighbours in 16 bits; vpmaddwd by 1 widens.
// Steps form groups that are proved to fit in 16 bits together (int16_packing.h), so a group is
// widened once: D + 1 multiplications for 32 D products; FMA has 8 per instruction.

namespace quench::kernels {
namespace {

/// Adds up `count` groups of D steps and advances past them.
template <int P, int D>
inline __attribute__((always_inline)) void add_groups(const std::byte* const (&window)[P],
                                                      std::int32_t count,
                                                      const std::int32_t*& offsets,
                                                      const std::byte*& weights, __m256i one,
                                                      __m256i (&sum)[P]) {
  for (; count > 0; --count, offsets += D, weights += 32 * D) {
    __m256i weight[D];
    std::int64_t offset[D];
    QUENCH_UNROLL for (int d = 0; d < D; ++d) {
      weight[d] = load(weights + 32 * d);
      offset[d] = offsets[d];
    }
    QUENCH_UNROLL for (int p = 0; p < P; ++p) {
      __m256i pairs = _mm256_maddubs_epi16(broadcast(window[p] + offset[0]), weight[0]);
      QUENCH_UNROLL for (int d = 1; d < D; ++d) {
        pairs = _mm256_add_epi16(pairs,
                                 _mm256_maddubs_epi16(broadcast(window[p] + offset[d]), weight[d]));
      }
      sum[p] = _mm256_add_epi32(sum[p], _mm256_madd_epi16(pairs, one));
      pin(sum[p]);
    }
  }
}

template <int P>
void tile(const std::byte* const* windows, const DenseBlock& block, std::int32_t* sums,
          std::int64_t stride) {
  const std::byte* window[P];
  __m256i sum[P];
  QUENCH_UNROLL for (int p = 0; p < P; ++p) {
    window[p] = windows[p];
    sum[p] = load_start(block, 0);
  }
  __m256i one = _mm256_set1_epi16(1);
  pin(one);  // in a register: from memory it would cost another load per product
  const std::int32_t* offsets = block.offsets;
  const std::byte* weights = block.weights;
  add_groups<P, 1>(window, block.groups[0], offsets, weights, one, sum);
  add_groups<P, 2>(window, block.groups[1], offsets, weights, one, sum);
  add_groups<P, 3>(window, block.groups[2], offsets, weights, one, sum);
  add_groups<P, 4>(window, block.groups[3], offsets, weights, one, sum);
  QUENCH_UNROLL for (int p = 0; p < P; ++p) store(sum[p], block, 0, sums + p * stride);
}

DenseTile find(int pixels, int) {
  static constexpr DenseTile kTiles[] = {tile<1>, tile<2>, tile<3>, tile<4>,
                                         tile<5>, tile<6>, tile<7>, tile<8>};
  return kTiles[pixels - 1];
}

}  // namespace

const DenseTiles kDenseMaddubsAvx2{.lanes = 8, .vectors = 1, .pixels = 8, .tile = find};

}  // namespace quench::kernels
