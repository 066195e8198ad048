#include <algorithm>
#include <bit>

#include "kernels/binary_popcount.h"

namespace quench::kernels {
namespace {

void pack(const std::uint8_t* codes, std::int64_t channels, std::uint8_t minus,
          std::uint64_t* words) {
  for (std::int64_t begin = 0; begin < channels; begin += 64) {
    const std::int64_t end = std::min(channels, begin + 64);
    std::uint64_t word = 0;
    for (std::int64_t c = begin; c < end; ++c)
      word |= std::uint64_t{codes[c] == minus} << (c - begin);
    words[begin / 64] = word;
  }
}

int differing_bits(const PopcountTask& task, const std::uint64_t* pixel, std::int64_t channel) {
  const std::int64_t block = channel / kPopcountBlock;
  const std::uint64_t* weight =
      task.weight + block * task.tap_count * task.words * kPopcountBlock + channel % kPopcountBlock;
  int count = 0;
  for (std::int64_t tap = 0; tap < task.tap_count; ++tap) {
    for (std::int64_t word = 0; word < task.words; ++word, weight += kPopcountBlock)
      count += std::popcount(pixel[task.taps[tap] + word] ^ *weight);
  }
  return count;
}

void accumulate(const PopcountTask& task) {
  for (std::int64_t pixel = 0; pixel < task.pixel_count; ++pixel) {
    for (std::int64_t o = 0; o < task.out_channels; ++o)
      task.sums[pixel][o] = task.start[pixel][o] - 2 * differing_bits(task, task.pixels[pixel], o);
  }
}

}  // namespace

const PopcountCode kPopcountScalar{
    .name = "scalar popcount", .paired = false, .pack = pack, .accumulate = accumulate};

}  // namespace quench::kernels
