#include <immintrin.h>

#include <cstdint>

#include "kernels/depthwise_loops.h"

// As on AVX2, with 32 channels and vpdpwssd, which fuses the addition. Bound for two taps of 32
// channels: 2 loads, 2 interleavings and 2 multiplications; fp32 needs 4 loads and 4 FMA.

namespace quench::kernels {
namespace {

struct Avx512 {
  using Vector = __m512i;
  static constexpr int kChannels = 32;

  static Vector load(const void* from) { return _mm512_loadu_si512(from); }
  static void pin(Vector& vector) { asm volatile("" : "+v"(vector)); }
  static Vector interleave_low(Vector a, Vector b) { return _mm512_unpacklo_epi16(a, b); }
  static Vector interleave_high(Vector a, Vector b) { return _mm512_unpackhi_epi16(a, b); }
  static Vector add_products(Vector sums, Vector codes, Vector weights) {
    return _mm512_dpwssd_epi32(sums, codes, weights);
  }
  static void put_in_order(Vector& low, Vector& high) {
    const Vector first = _mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11);
    const Vector second = _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15);
    const Vector lower = low;
    low = _mm512_permutex2var_epi64(lower, first, high);
    high = _mm512_permutex2var_epi64(lower, second, high);
  }
  static void store(Vector sums, int left, std::int32_t* out) {
    if (left >= 16) {
      _mm512_storeu_si512(out, sums);
    } else if (left > 0) {
      _mm512_mask_storeu_epi32(out, static_cast<__mmask16>((1 << left) - 1), sums);
    }
  }
};

}  // namespace

const DepthwiseTiles kDepthwiseAvx512{.lanes = Avx512::kChannels,
                                      .pixels = 4,
                                      .tile = find<Avx512>,
                                      .row = {row<Avx512, 1>, row<Avx512, 2>}};

}  // namespace quench::kernels
