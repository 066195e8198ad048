#include "bench/peaks.h"

#include <immintrin.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <numeric>
#include <vector>

#include "core/onednn/library.h"
#include "core/parallel.h"
#include "kernels/isa.h"

namespace quench::bench {
namespace {

constexpr std::int64_t kRounds = 400'000;
constexpr int kSums = 8;  // covers four cycles of latency on two ports

#define QUENCH_UNROLL _Pragma("GCC unroll 16")
#define QUENCH_TARGET(isa) __attribute__((target(isa), noinline))
// Makes the compiler assume that the vector changes, so that it removes no work.
#define QUENCH_CHANGE(vector) asm volatile("" : "+x"(vector))

/// fp32 multiply-adds.
void multiply_add() {
  __m128 factor = _mm_set1_ps(0.999f), addend = _mm_set1_ps(1e-3f);
  __m128 sum[kSums];
  QUENCH_UNROLL for (auto& s : sum) s = addend;
  for (std::int64_t round = 0; round < kRounds; ++round) {
    QUENCH_UNROLL for (auto& s : sum) {
      QUENCH_CHANGE(factor);
      s = _mm_add_ps(_mm_mul_ps(s, factor), addend);
      QUENCH_CHANGE(s);
    }
  }
}

QUENCH_TARGET("avx2,fma") void fma_avx2() {
  __m256 factor = _mm256_set1_ps(0.999f), addend = _mm256_set1_ps(1e-3f);
  __m256 sum[kSums];
  QUENCH_UNROLL for (auto& s : sum) s = addend;
  for (std::int64_t round = 0; round < kRounds; ++round) {
    QUENCH_UNROLL for (auto& s : sum) {
      s = _mm256_fmadd_ps(s, factor, addend);
      QUENCH_CHANGE(s);
    }
  }
}

QUENCH_TARGET("avx512f") void fma_avx512() {
  __m512 factor = _mm512_set1_ps(0.999f), addend = _mm512_set1_ps(1e-3f);
  __m512 sum[kSums];
  QUENCH_UNROLL for (auto& s : sum) s = addend;
  for (std::int64_t round = 0; round < kRounds; ++round) {
    QUENCH_UNROLL for (auto& s : sum) {
      s = _mm512_fmadd_ps(s, factor, addend);
      asm volatile("" : "+v"(s));
    }
  }
}

QUENCH_TARGET("avx512f,avx512bf16") void dot_bfloat16() {
  const auto a = reinterpret_cast<__m512bh>(_mm512_set1_epi16(0x3f7f));
  const auto b = reinterpret_cast<__m512bh>(_mm512_set1_epi16(0x3a83));
  __m512 sum[kSums];
  QUENCH_UNROLL for (auto& s : sum) s = _mm512_setzero_ps();
  for (std::int64_t round = 0; round < kRounds; ++round) {
    QUENCH_UNROLL for (auto& s : sum) {
      s = _mm512_dpbf16_ps(s, a, b);
      asm volatile("" : "+v"(s));
    }
  }
}

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
    Mix{"float32", multiply_add, 4},
    Mix{"float32 avx2", fma_avx2, 8},
    Mix{"float32 avx512", fma_avx512, 16},
    Mix{"bfloat16", dot_bfloat16, 32},
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
  switch (kernels::best_isa()) {
    case kernels::Isa::avx512:
      return measured_kernel_peak("float32 avx512", threads);
    case kernels::Isa::avx2:
      return measured_kernel_peak("float32 avx2", threads);
    case kernels::Isa::scalar:
      break;
  }
  return measured_kernel_peak("float32", threads);
}

double measured_bfloat16_peak(int threads) {
  return onednn::has_bf16() ? measured_kernel_peak("bfloat16", threads)
                            : measured_fma_peak(threads);
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
