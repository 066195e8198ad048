#include "bench/peaks.h"

#include <immintrin.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <numeric>
#include <vector>

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
constexpr std::int64_t kFmaRounds = 4'000'000;

/// The empty asm keeps each accumulator in a register and the loop from being simplified.
void spin() {
  Vector factor = splat(0.999f), addend = splat(1e-3f);
  Vector a0 = addend, a1 = addend, a2 = addend, a3 = addend, a4 = addend;
  Vector a5 = addend, a6 = addend, a7 = addend, a8 = addend, a9 = addend;
  asm volatile("" : "+x"(factor), "+x"(addend));
  for (std::int64_t round = 0; round < kFmaRounds; ++round) {
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

constexpr std::int64_t kRounds = 400'000;
constexpr int kSums = 8;  // covers four cycles of latency on two ports

#define QUENCH_UNROLL _Pragma("GCC unroll 16")
#define QUENCH_TARGET(isa) __attribute__((target(isa), noinline))
// Makes the compiler assume that the vector changes, so that it removes no work.
#define QUENCH_CHANGE(vector) asm volatile("" : "+x"(vector))

QUENCH_TARGET("avx2") void madd16() {
  __m256i codes = _mm256_set1_epi16(3), weight = _mm256_set1_epi16(-2);
  __m256i sum[kSums];
  QUENCH_UNROLL for (auto& s : sum) s = _mm256_setzero_si256();
  for (std::int64_t round = 0; round < kRounds; ++round) {
    QUENCH_UNROLL for (auto& s : sum) {
      QUENCH_CHANGE(codes);
      s = _mm256_add_epi32(s, _mm256_madd_epi16(codes, weight));
      QUENCH_CHANGE(s);
    }
  }
}

/// Groups of `Depth` vpmaddubsw, each widened by one vpmaddwd.
template <int Depth>
QUENCH_TARGET("avx2")
void maddubs() {
  __m256i codes = _mm256_set1_epi8(3), weight = _mm256_set1_epi8(-2), one = _mm256_set1_epi16(1);
  QUENCH_CHANGE(one);
  __m256i sum[kSums];
  QUENCH_UNROLL for (auto& s : sum) s = _mm256_setzero_si256();
  for (std::int64_t round = 0; round < kRounds; ++round) {
    QUENCH_UNROLL for (auto& s : sum) {
      QUENCH_CHANGE(codes);
      __m256i pairs = _mm256_maddubs_epi16(codes, weight);
      QUENCH_UNROLL for (int d = 1; d < Depth; ++d) {
        QUENCH_CHANGE(codes);
        pairs = _mm256_add_epi16(pairs, _mm256_maddubs_epi16(codes, weight));
      }
      s = _mm256_add_epi32(s, _mm256_madd_epi16(pairs, one));
      QUENCH_CHANGE(s);
    }
  }
}

template <bool Wide>
QUENCH_TARGET("avx512f,avx512vnni")
void dot() {
  __m512i codes = _mm512_set1_epi8(3), weight = _mm512_set1_epi8(-2);
  __m512i sum[kSums];
  QUENCH_UNROLL for (auto& s : sum) s = _mm512_setzero_si512();
  for (std::int64_t round = 0; round < kRounds; ++round) {
    QUENCH_UNROLL for (auto& s : sum) {
      QUENCH_CHANGE(codes);
      s = Wide ? _mm512_dpwssd_epi32(s, codes, weight) : _mm512_dpbusd_epi32(s, codes, weight);
      asm volatile("" : "+v"(s));
    }
  }
}

/// Steps of a lookup: see kernels/binary_lookup_avx2.cpp.
QUENCH_TARGET("avx2") void lookup() {
  constexpr int kBlocks = 4;
  __m256i table = _mm256_set1_epi8(2), weight = _mm256_set1_epi8(3);
  __m256i s[kBlocks], h[kBlocks];
  QUENCH_UNROLL for (int b = 0; b < kBlocks; ++b) s[b] = h[b] = _mm256_setzero_si256();
  for (std::int64_t round = 0; round < kRounds; ++round) {
    QUENCH_UNROLL for (int b = 0; b < kBlocks; ++b) {
      QUENCH_CHANGE(weight);
      __m256i t = _mm256_shuffle_epi8(table, weight);
      QUENCH_UNROLL for (int i = 1; i < 3; ++i) {
        QUENCH_CHANGE(weight);
        t = _mm256_add_epi8(t, _mm256_shuffle_epi8(table, weight));
      }
      s[b] = _mm256_add_epi8(s[b], t);
      h[b] = _mm256_add_epi8(h[b], _mm256_srli_epi16(t, 4));
      QUENCH_CHANGE(s[b]);
      QUENCH_CHANGE(h[b]);
    }
  }
}

/// Pairs of words: see kernels/binary_popcount_avx512.cpp.
QUENCH_TARGET("avx512f,avx512vpopcntdq") void popcount() {
  __m512i word = _mm512_set1_epi64(5), weight = _mm512_set1_epi64(3);
  __m512i parity[kSums], carries[kSums];
  QUENCH_UNROLL for (int i = 0; i < kSums; ++i) parity[i] = carries[i] = _mm512_setzero_si512();
  for (std::int64_t round = 0; round < kRounds; ++round) {
    QUENCH_UNROLL for (int i = 0; i < kSums; ++i) {
      asm volatile("" : "+v"(word));
      const __m512i differ = _mm512_xor_si512(word, weight);
      const __m512i after = _mm512_ternarylogic_epi64(parity[i], word, weight, 0x96);
      const __m512i carry = _mm512_ternarylogic_epi64(parity[i], differ, after, 0xD4);
      carries[i] = _mm512_add_epi64(carries[i], _mm512_popcnt_epi64(carry));
      parity[i] = after;
      asm volatile("" : "+v"(carries[i]), "+v"(parity[i]));
    }
  }
}

struct Mix {
  std::string_view kernel;
  void (*run)();
  int products;  ///< of each of the kSums sums in a round
};

constexpr std::array kMixes{
    Mix{"avx2 madd16", madd16, 16},
    Mix{"avx2 maddubs", maddubs<4>, 128},
    Mix{"avx2 maddubs narrow", maddubs<16>, 512},
    Mix{"avx512 vnni", dot<false>, 64},
    Mix{"avx512 vnni 16", dot<true>, 32},
    Mix{"avx2 depthwise", madd16, 16},
    Mix{"avx512 depthwise", dot<true>, 32},
    Mix{"avx2 lookup", lookup, 384},  // 768 for each of 4
    Mix{"avx512 vpopcnt", popcount, 1024},
};

/// The shortest of several runs on all threads, in seconds.
template <typename Run>
double shortest(int threads, Run run) {
  double best = 1e30;
  for (int repeat = 0; repeat < 9; ++repeat) {
    const auto start = std::chrono::steady_clock::now();
#pragma omp parallel num_threads(threads)
    run();
    best = std::min(
        best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  return best;
}

}  // namespace

double measured_fma_peak(int threads) {
  const double seconds = shortest(threads, spin);
  return 2.0 * kLanes * kAccumulators * static_cast<double>(kFmaRounds) * threads / seconds;
}

double measured_kernel_peak(std::string_view kernel, int threads) {
  const auto* mix = std::ranges::find(kMixes, kernel, &Mix::kernel);
  if (mix == kMixes.end()) return 0.0;
  const double products = static_cast<double>(kRounds) * kSums * mix->products;
  return 2.0 * products * threads / shortest(threads, mix->run);
}

double measured_read_bandwidth(int threads) {
  constexpr std::size_t kWords = std::size_t{1} << 24;  // 128 MiB
  const std::vector<std::uint64_t> words(kWords, 1);
  std::uint64_t sink = 0;
  double best = 1e30;
  for (int repeat = 0; repeat < 5; ++repeat) {
    const auto start = std::chrono::steady_clock::now();
#pragma omp parallel for num_threads(threads) reduction(+ : sink) schedule(static)
    for (std::size_t i = 0; i < kWords; ++i) sink += words[i];
    best = std::min(
        best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  asm volatile("" ::"r"(sink));
  return static_cast<double>(kWords * sizeof(std::uint64_t)) / best;
}

}  // namespace quench::bench
