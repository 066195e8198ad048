#include <immintrin.h>

#include <cstdint>

#include "kernels/depthwise_loops.h"

// Codes of two taps, 16 channels each, are interleaved, and vpmaddwd multiplies and adds them in 32
// bits: exact for all weights. Bound for two taps of 16 channels: 2 loads, 2 interleavings, 2
// multiplications and 2 additions; fp32 needs 4 loads and 4 FMA.

namespace quench::kernels {
namespace {

struct Avx2 {
  using Vector = __m256i;
  static constexpr int kChannels = 16;

  static Vector load(const void* from) {
    return _mm256_loadu_si256(static_cast<const Vector*>(from));
  }
  static void pin(Vector& vector) { asm volatile("" : "+x"(vector)); }
  static Vector interleave_low(Vector a, Vector b) { return _mm256_unpacklo_epi16(a, b); }
  static Vector interleave_high(Vector a, Vector b) { return _mm256_unpackhi_epi16(a, b); }
  static Vector add_products(Vector sums, Vector codes, Vector weights) {
    return _mm256_add_epi32(sums, _mm256_madd_epi16(codes, weights));
  }
  static void put_in_order(Vector& low, Vector& high) {
    const Vector lower = low;
    low = _mm256_permute2x128_si256(lower, high, 0x20);
    high = _mm256_permute2x128_si256(lower, high, 0x31);
  }
  static void store(Vector sums, int left, std::int32_t* out) {
    if (left >= 8) {
      _mm256_storeu_si256(reinterpret_cast<Vector*>(out), sums);
    } else if (left > 0) {
      const Vector lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
      _mm256_maskstore_epi32(out, _mm256_cmpgt_epi32(_mm256_set1_epi32(left), lane), sums);
    }
  }
};

}  // namespace

const DepthwiseTiles kDepthwiseAvx2{
    .lanes = Avx2::kChannels, .pixels = 4, .tile = find<Avx2>, .row = {row<Avx2, 1>, row<Avx2, 2>}};

}  // namespace quench::kernels
