#include "bench/fma_peak.h"

#include <immintrin.h>

#include <algorithm>
#include <chrono>

#include "core/parallel.h"

namespace quench::bench {
namespace {

#if defined(__AVX512F__)
using Vector = __m512;
Vector splat(float value) { return _mm512_set1_ps(value); }
Vector fma(Vector a, Vector b, Vector c) { return _mm512_fmadd_ps(a, b, c); }
#elif defined(__FMA__)
using Vector = __m256;
Vector splat(float value) { return _mm256_set1_ps(value); }
Vector fma(Vector a, Vector b, Vector c) { return _mm256_fmadd_ps(a, b, c); }
#else
using Vector = __m128;
Vector splat(float value) { return _mm_set1_ps(value); }
Vector fma(Vector a, Vector b, Vector c) { return _mm_add_ps(_mm_mul_ps(a, b), c); }
#endif

constexpr int kAccumulators = 10;  // covers two ports with four cycles of latency
constexpr int kLanes = static_cast<int>(sizeof(Vector) / sizeof(float));
constexpr std::int64_t kRounds = 4'000'000;

/// The empty asm keeps each accumulator in a register and the loop from being simplified.
void spin() {
  Vector factor = splat(0.999f), addend = splat(1e-3f);
  Vector a0 = addend, a1 = addend, a2 = addend, a3 = addend, a4 = addend;
  Vector a5 = addend, a6 = addend, a7 = addend, a8 = addend, a9 = addend;
  asm volatile("" : "+x"(factor), "+x"(addend));
  for (std::int64_t round = 0; round < kRounds; ++round) {
    a0 = fma(a0, factor, addend);
    a1 = fma(a1, factor, addend);
    a2 = fma(a2, factor, addend);
    a3 = fma(a3, factor, addend);
    a4 = fma(a4, factor, addend);
    a5 = fma(a5, factor, addend);
    a6 = fma(a6, factor, addend);
    a7 = fma(a7, factor, addend);
    a8 = fma(a8, factor, addend);
    a9 = fma(a9, factor, addend);
    asm volatile("" : "+x"(a0), "+x"(a1), "+x"(a2), "+x"(a3), "+x"(a4));
    asm volatile("" : "+x"(a5), "+x"(a6), "+x"(a7), "+x"(a8), "+x"(a9));
  }
}

}  // namespace

double measured_fma_peak(int threads) {
  double best = 1e30;
  for (int run = 0; run < 5; ++run) {
    const auto start = std::chrono::steady_clock::now();
#pragma omp parallel num_threads(threads)
    spin();
    best = std::min(
        best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  return 2.0 * kLanes * kAccumulators * static_cast<double>(kRounds) * threads / best;
}

}  // namespace quench::bench
