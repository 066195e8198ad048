#include <immintrin.h>

#include "kernels/binary_lookup.h"

// A step looks up three bytes of weights for two pixels and 32 channels, 768 products, in 8
// instructions: 3 vpshufb and 2 vpaddb make t, whose bytes hold a count below 16 for each pixel;
// then s += t, and h += t >> 4 in 16 bits. Bytes wrap around without loss: for bytes 0 and 1 of 16
// bits,
//
//   h1 = high counts of byte 1                    (the shift brings 0 from above)
//   l1 = low counts of byte 1  = s1 - 16 h1       mod 256
//   h0 = high counts of byte 0 + 16 l1, and likewise l0 = s0 - 16 (high counts of byte 0).
//
// Counts stay below 256 for 21 steps; then they are split and added to 16-bit counts. 96 products
// per instruction are 3 times the rate of XOR and a popcount by vpshufb (8 or more instructions for
// 256 products), and 12 times that of vfmadd.
//
// A tile is 2 pixels by 128 channels: s and h take 8 of the 16 registers, the tables 3. Every
// weight is loaded at its lookup, two loads per cycle.

namespace quench::kernels {
namespace {

constexpr std::int64_t kStepsAtOnce = 21;    // 21 * 3 * 4 = 252 < 256
constexpr std::int64_t kChunksAtOnce = 260;  // 260 * 252 = 65520 < 65536

/// Counts of one pair of pixels and one block of channels.
struct alignas(32) WideCounts {
  std::uint16_t low[kLookupBlock], high[kLookupBlock];
};

__m256i load(const void* from) { return _mm256_loadu_si256(static_cast<const __m256i*>(from)); }

void add_to(std::uint16_t* counts, __m256i more) {
  _mm256_store_si256(reinterpret_cast<__m256i*>(counts), _mm256_add_epi16(load(counts), more));
}

inline void take_apart(__m256i s, __m256i h, WideCounts& counts) {
  const __m256i byte = _mm256_set1_epi16(0xff);
  const __m256i high1 = _mm256_srli_epi16(h, 8);
  const __m256i low1 = _mm256_and_si256(
      _mm256_sub_epi16(_mm256_srli_epi16(s, 8), _mm256_slli_epi16(high1, 4)), byte);
  const __m256i high0 = _mm256_and_si256(_mm256_sub_epi16(h, _mm256_slli_epi16(low1, 4)), byte);
  const __m256i low0 = _mm256_and_si256(_mm256_sub_epi16(s, _mm256_slli_epi16(high0, 4)), byte);
  add_to(counts.low, low0);
  add_to(counts.low + 16, low1);
  add_to(counts.high, high0);
  add_to(counts.high + 16, high1);
}

/// A range of steps for a few blocks of channels.
struct Chunk {
  const std::int32_t* offsets;
  std::int64_t steps;
  const std::uint8_t* weight;
  std::int64_t block_bytes;  // from one block's weights to the next
};

template <int Blocks>
void count(const std::uint8_t* tables, const PixelPair& pair, const Chunk& chunk,
           WideCounts* counts) {
  __m256i s[Blocks], h[Blocks];
  for (int b = 0; b < Blocks; ++b) s[b] = h[b] = _mm256_setzero_si256();
  const std::uint8_t* weight = chunk.weight;
  for (std::int64_t step = 0; step < chunk.steps; ++step) {
    const std::uint16_t* offsets = pair.tables + chunk.offsets[step];
    __m256i table[kLookupStep];
    for (int i = 0; i < kLookupStep; ++i)
      table[i] =
          _mm256_broadcastsi128_si256(*reinterpret_cast<const __m128i*>(tables + offsets[i]));
    for (int b = 0; b < Blocks; ++b) {
      const std::uint8_t* of_block = weight + b * chunk.block_bytes;
      __m256i t = _mm256_shuffle_epi8(table[0], load(of_block));
      for (int i = 1; i < kLookupStep; ++i)
        t = _mm256_add_epi8(t, _mm256_shuffle_epi8(table[i], load(of_block + i * kLookupBlock)));
      s[b] = _mm256_add_epi8(s[b], t);
      h[b] = _mm256_add_epi8(h[b], _mm256_srli_epi16(t, 4));
      // Keeps g++ from interleaving all blocks, which would need too many registers.
      asm("" : "+x"(s[b]), "+x"(h[b]));
    }
    weight += kLookupStep * kLookupBlock;
  }
  for (int b = 0; b < Blocks; ++b) take_apart(s[b], h[b], counts[b]);
}

/// sums = (first_time ? start : sums) - 2 counts
void subtract(std::int32_t* sums, std::int64_t channels, std::int32_t start, bool first_time,
              const std::uint16_t* counts) {
  for (std::int64_t c = 0; c < channels; ++c)
    sums[c] = (first_time ? start : sums[c]) - 2 * counts[c];
}

template <int Blocks>
void accumulate_blocks(const LookupTask& task, std::int64_t block) {
  const std::int64_t chunks = (task.steps + kStepsAtOnce - 1) / kStepsAtOnce;
  const std::int64_t block_bytes = task.steps * kLookupStep * kLookupBlock;
  for (std::int64_t first = 0; first < chunks; first += kChunksAtOnce) {
    WideCounts counts[kLookupPairs][Blocks] = {};
    const std::int64_t last = first + kChunksAtOnce < chunks ? first + kChunksAtOnce : chunks;
    for (std::int64_t c = first; c < last; ++c) {
      const std::int64_t begin = task.steps * c / chunks, end = task.steps * (c + 1) / chunks;
      const Chunk chunk{task.offsets + begin, end - begin,
                        task.weight + block * block_bytes + begin * kLookupStep * kLookupBlock,
                        block_bytes};
      for (std::int64_t p = 0; p < task.pair_count; ++p)
        count<Blocks>(task.tables, task.pairs[p], chunk, counts[p]);
    }
    for (std::int64_t p = 0; p < task.pair_count; ++p) {
      const PixelPair& pair = task.pairs[p];
      for (int b = 0; b < Blocks; ++b) {
        const std::int64_t channel = (block + b) * kLookupBlock;
        const std::int64_t left = task.out_channels - channel;
        const std::int64_t channels = left < kLookupBlock ? left : kLookupBlock;
        subtract(pair.sums[0] + channel, channels, pair.start[0], first == 0, counts[p][b].low);
        if (pair.sums[1] != nullptr)
          subtract(pair.sums[1] + channel, channels, pair.start[1], first == 0, counts[p][b].high);
      }
    }
  }
}

}  // namespace

void lookup_offsets_avx2(const std::uint8_t* codes, std::int64_t channels, std::uint8_t minus,
                         std::uint16_t* tables) {
  const __m256i wanted = _mm256_set1_epi8(static_cast<char>(minus));
  // The four bits of a number, which select a table of 16 bytes.
  const __m256i place = _mm256_set1_epi32(0x08040201);
  const __m256i entries = _mm256_set1_epi16(kLookupEntries);
  for (; channels >= 32; channels -= 32, codes += 32, tables += 8) {
    const __m256i bits = _mm256_and_si256(_mm256_cmpeq_epi8(load(codes), wanted), place);
    const __m256i numbers =
        _mm256_madd_epi16(_mm256_maddubs_epi16(bits, _mm256_set1_epi8(1)), entries);
    _mm_storeu_si128(
        reinterpret_cast<__m128i*>(tables),
        _mm_packus_epi32(_mm256_castsi256_si128(numbers), _mm256_extracti128_si256(numbers, 1)));
  }
  for (; channels > 0; channels -= 4, codes += 4, ++tables) {
    int number = 0;
    for (int i = 0; i < (channels < 4 ? channels : 4); ++i) number |= (codes[i] == minus) << i;
    *tables = static_cast<std::uint16_t>(number * kLookupEntries);
  }
}

void lookup_join_avx2(std::uint16_t* tables, std::int64_t count, std::int64_t distance) {
  // Later offsets are read before they are joined themselves.
  std::int64_t i = 0;
  if (distance >= 16) {
    for (; i + 16 <= count; i += 16) {
      const __m256i second =
          _mm256_mullo_epi16(load(tables + i + distance), _mm256_set1_epi16(kLookupNumbers));
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(tables + i),
                          _mm256_add_epi16(load(tables + i), second));
    }
  }
  for (; i < count; ++i)
    tables[i] = static_cast<std::uint16_t>(tables[i] + kLookupNumbers * tables[i + distance]);
}

void lookup_accumulate_avx2(const LookupTask& task) {
  const std::int64_t blocks = (task.out_channels + kLookupBlock - 1) / kLookupBlock;
  std::int64_t block = 0;
  for (; block + 4 <= blocks; block += 4) accumulate_blocks<4>(task, block);
  for (; block + 2 <= blocks; block += 2) accumulate_blocks<2>(task, block);
  for (; block < blocks; ++block) accumulate_blocks<1>(task, block);
}

}  // namespace quench::kernels
