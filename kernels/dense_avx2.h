#pragma once

#include <immintrin.h>

#include <cstdint>

#include "kernels/dense_tile.h"

// Shared by the dense AVX2 kernels. The unnamed namespace keeps these functions out of code for
// other CPUs.

#define QUENCH_UNROLL _Pragma("GCC unroll 16")

namespace quench::kernels {
namespace {

/// Keeps a vector in a register and g++ from moving its computation: it would hoist all of a step's
/// loads, and spill.
[[maybe_unused]] inline void pin(__m256i& vector) { asm volatile("" : "+x"(vector)); }

/// Broadcasts the 4 bytes at `codes` to every 32-bit lane.
[[maybe_unused]] inline __m256i broadcast(const std::byte* codes) {
  std::int32_t four;
  __builtin_memcpy(&four, codes, sizeof(four));
  __m256i vector = _mm256_set1_epi32(four);
  pin(vector);
  return vector;
}

[[maybe_unused]] inline __m256i load(const void* aligned) {
  return _mm256_load_si256(static_cast<const __m256i*>(aligned));
}

[[maybe_unused]] inline __m256i load_start(const DenseBlock& block, int vector) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(block.start + 8 * vector));
}

/// Stores those of a vector's 8 sums that belong to channels of the block.
[[maybe_unused]] inline void store(__m256i sums, const DenseBlock& block, int vector,
                                   std::int32_t* out) {
  const int left = block.channels - 8 * vector;
  if (left >= 8) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + 8 * vector), sums);
  } else {
    const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    _mm256_maskstore_epi32(out + 8 * vector, _mm256_cmpgt_epi32(_mm256_set1_epi32(left), lane),
                           sums);
  }
}

}  // namespace
}  // namespace quench::kernels
