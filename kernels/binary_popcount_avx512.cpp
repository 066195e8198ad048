#include <immintrin.h>

#include "kernels/binary_popcount.h"

// A vector of 64-bit words holds 8 output channels, and every word of a pixel is compared with all
// of them.
//
// vpxor, vpopcnt and vpadd are 3 instructions per word. Half of the popcounts can be saved: for two
// words with p = a xor w and the parity r of the words before, r + p1 + p2 = r' + 2 carry, bit by
// bit, and only the carry is counted. r' = r ^ p1 ^ p2 = r ^ (a1 ^ a2) ^ (w1 ^ w2) is one vpternlog
// if the operands store the XORs in parentheses as their second words; then carry = majority(r, p1,
// p2) is one vpternlog of r, p1 and r'. That is 5 instructions for two words: the bound is 410 bits
// per cycle on CPUs that process 2 vectors of 512 bits per cycle (25 times their f32
// multiply-adds).
//
// A tile is 4 pixels by 16 channels: parities and counts fill 16 of the 32 registers.

namespace quench::kernels {
namespace {

constexpr int kVectors = 2;  // per block of channels
static_assert(kPopcountBlock == 8 * kVectors);

constexpr int kParity = 0x96;         // a ^ b ^ c
constexpr int kCarryOfParity = 0xD4;  // majority(r, p1, p2) of (r, p1, r ^ p1 ^ p2)

void pack(const std::uint8_t* codes, std::int64_t channels, std::uint8_t minus,
          std::uint64_t* words) {
  const __m512i wanted = _mm512_set1_epi8(static_cast<char>(minus));
  for (; channels >= 64; channels -= 64, codes += 64)
    *words++ = _mm512_cmpeq_epi8_mask(_mm512_loadu_si512(codes), wanted);
  if (channels == 0) return;
  const __mmask64 there = (std::uint64_t{1} << channels) - 1;
  *words = _mm512_mask_cmpeq_epi8_mask(there, _mm512_maskz_loadu_epi8(there, codes), wanted);
}

__m512i every(std::uint64_t word) { return _mm512_set1_epi64(static_cast<long long>(word)); }

/// Counts for `Pixels` pixels and a block of channels: [pixel][vector].
template <int Pixels>
using Counts = __m512i[Pixels][kVectors];

template <int Pixels>
inline void set_zero(Counts<Pixels>& counts) {
  for (auto& of_pixel : counts) {
    for (__m512i& count : of_pixel) count = _mm512_setzero_si512();
  }
}

/// Counts pairs of words.
template <int Pixels>
inline void count_pairs(const PopcountTask& task, const std::uint64_t* const* pixels,
                        const std::uint64_t* weight, Counts<Pixels>& total) {
  Counts<Pixels> parity, carries;
  set_zero<Pixels>(parity);
  set_zero<Pixels>(carries);
  for (std::int64_t tap = 0; tap < task.tap_count; ++tap) {
    const std::int64_t begin = task.taps[tap], end = begin + task.words / 2 * 2;
    for (std::int64_t word = begin; word < end; word += 2) {
      for (int v = 0; v < kVectors; ++v) {
        const __m512i w = _mm512_loadu_si512(weight + 8 * v);
        const __m512i both = _mm512_loadu_si512(weight + kPopcountBlock + 8 * v);
        for (int p = 0; p < Pixels; ++p) {
          const __m512i before = parity[p][v];
          const __m512i differ = _mm512_xor_si512(every(pixels[p][word]), w);
          const __m512i after =
              _mm512_ternarylogic_epi64(before, every(pixels[p][word + 1]), both, kParity);
          const __m512i carry = _mm512_ternarylogic_epi64(before, differ, after, kCarryOfParity);
          carries[p][v] = _mm512_add_epi64(carries[p][v], _mm512_popcnt_epi64(carry));
          parity[p][v] = after;
        }
      }
      weight += 2 * kPopcountBlock;
    }
    weight += task.words % 2 * kPopcountBlock;
  }
  for (int p = 0; p < Pixels; ++p) {
    for (int v = 0; v < kVectors; ++v)
      total[p][v] =
          _mm512_add_epi64(_mm512_slli_epi64(carries[p][v], 1), _mm512_popcnt_epi64(parity[p][v]));
  }
}

/// Adds the count of every pixel's last word if the number of words is odd.
template <int Pixels>
inline void count_last(const PopcountTask& task, const std::uint64_t* const* pixels,
                       const std::uint64_t* weight, Counts<Pixels>& total) {
  weight += (task.words - 1) * kPopcountBlock;
  for (std::int64_t tap = 0; tap < task.tap_count; ++tap) {
    const std::int64_t word = task.taps[tap] + task.words - 1;
    for (int v = 0; v < kVectors; ++v) {
      const __m512i w = _mm512_loadu_si512(weight + 8 * v);
      for (int p = 0; p < Pixels; ++p) {
        const __m512i differ = _mm512_xor_si512(every(pixels[p][word]), w);
        total[p][v] = _mm512_add_epi64(total[p][v], _mm512_popcnt_epi64(differ));
      }
    }
    weight += task.words * kPopcountBlock;
  }
}

/// sums = start - 2 counts, for 8 channels or the remaining ones.
void store(std::int32_t* sums, const std::int32_t* start, std::int64_t channels, __m512i counts) {
  const auto there = static_cast<__mmask8>(channels >= 8 ? 0xff : (1 << channels) - 1);
  const __m256i twice = _mm512_cvtepi64_epi32(_mm512_slli_epi64(counts, 1));
  _mm256_mask_storeu_epi32(
      sums, there,
      _mm256_sub_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(start)), twice));
}

template <int Pixels>
void tile(const PopcountTask& task, std::int64_t first, std::int64_t block) {
  const std::uint64_t* weight = task.weight + block * task.tap_count * task.words * kPopcountBlock;
  Counts<Pixels> total;
  count_pairs<Pixels>(task, task.pixels + first, weight, total);
  if (task.words % 2 != 0) count_last<Pixels>(task, task.pixels + first, weight, total);
  for (int p = 0; p < Pixels; ++p) {
    for (int v = 0; v < kVectors; ++v) {
      const std::int64_t channel = block * kPopcountBlock + 8 * v;
      if (channel < task.out_channels)
        store(task.sums[first + p] + channel, task.start[first + p] + channel,
              task.out_channels - channel, total[p][v]);
    }
  }
}

void accumulate(const PopcountTask& task) {
  for (std::int64_t block = 0; block * kPopcountBlock < task.out_channels; ++block) {
    std::int64_t first = 0;
    for (; first + 4 <= task.pixel_count; first += 4) tile<4>(task, first, block);
    for (; first + 2 <= task.pixel_count; first += 2) tile<2>(task, first, block);
    for (; first < task.pixel_count; ++first) tile<1>(task, first, block);
  }
}

}  // namespace

const PopcountCode kPopcountAvx512{
    .name = "avx512 vpopcnt", .paired = true, .pack = pack, .accumulate = accumulate};

}  // namespace quench::kernels
