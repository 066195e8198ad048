#include "core/random.h"

#include <cmath>
#include <numbers>

#include "core/parallel.h"
#include "support/error.h"

namespace quench {
namespace {

/// SplitMix64's finalizer: spreads every input bit over the output.
std::uint64_t mix(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15u;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

// Through a signed integer, which every vector unit can convert; 24 bits stay exact.
float to_uniform(std::uint64_t word) {
  return static_cast<float>(static_cast<std::int32_t>(word >> 8)) * 0x1p-24f;
}

/// Four 32-bit words, each in 64 bits, so that the widening products vectorize; no array, so that
/// they stay in registers.
struct Words {
  std::uint64_t a, b, c, d;
};

inline Words philox(Words counter, std::uint32_t key0, std::uint32_t key1) {
  constexpr std::uint64_t kLow = 0xffffffff;
  constexpr std::uint64_t kMultiplier0 = 0xD2511F53, kMultiplier1 = 0xCD9E8D57;
  constexpr std::uint32_t kWeyl0 = 0x9E3779B9, kWeyl1 = 0xBB67AE85;
#pragma GCC unroll 10
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t p = kMultiplier0 * counter.a, q = kMultiplier1 * counter.c;
    counter = {(q >> 32) ^ counter.b ^ key0, q & kLow, (p >> 32) ^ counter.d ^ key1, p & kLow};
    key0 += kWeyl0;
    key1 += kWeyl1;
  }
  return counter;
}

/// The values of `count` blocks from `first` on.
void uniform_blocks(std::uint64_t first, std::int64_t count, std::uint64_t fork,
                    std::array<std::uint32_t, 2> key, float* values) {
  constexpr std::uint64_t kLow = 0xffffffff;
  const std::uint64_t fork_low = fork & kLow, fork_high = fork >> 32;
  const std::uint32_t key0 = key[0], key1 = key[1];
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i) {
    const std::uint64_t block = first + static_cast<std::uint64_t>(i);
    const Words words = philox({block & kLow, block >> 32, fork_low, fork_high}, key0, key1);
    values[4 * i] = to_uniform(words.a);
    values[4 * i + 1] = to_uniform(words.b);
    values[4 * i + 2] = to_uniform(words.c);
    values[4 * i + 3] = to_uniform(words.d);
  }
}

}  // namespace

std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter,
                                        std::array<std::uint32_t, 2> key) {
  const Words words = philox({counter[0], counter[1], counter[2], counter[3]}, key[0], key[1]);
  return {static_cast<std::uint32_t>(words.a), static_cast<std::uint32_t>(words.b),
          static_cast<std::uint32_t>(words.c), static_cast<std::uint32_t>(words.d)};
}

Random::Random(std::uint64_t seed, std::string_view stream) {
  std::uint64_t hash = mix(seed);
  for (const char c : stream) hash = mix(hash ^ static_cast<unsigned char>(c));
  key_ = {static_cast<std::uint32_t>(hash), static_cast<std::uint32_t>(hash >> 32)};
}

Random Random::fork(std::uint64_t index) const {
  Random child = *this;
  child.fork_ = mix(fork_ ^ mix(index));
  child.position_ = 0;
  return child;
}

std::array<std::uint32_t, 4> Random::block(std::uint64_t index) const {
  return philox4x32({static_cast<std::uint32_t>(index), static_cast<std::uint32_t>(index >> 32),
                     static_cast<std::uint32_t>(fork_), static_cast<std::uint32_t>(fork_ >> 32)},
                    key_);
}

std::uint32_t Random::bits() {
  const std::uint64_t at = position_++;
  return block(at / 4)[at % 4];
}

float Random::uniform() { return to_uniform(bits()); }

float Random::normal() {
  // Box-Muller; 1 - u keeps the logarithm's argument above 0. The second value of the pair is
  // dropped, so that each value uses two words and the position is the whole state.
  const double radius = std::sqrt(-2.0 * std::log(1.0 - static_cast<double>(uniform())));
  return static_cast<float>(radius *
                            std::cos(2.0 * std::numbers::pi * static_cast<double>(uniform())));
}

void Random::fill_uniform(std::span<float> values) {
  const std::uint64_t first = position_;
  const auto count = static_cast<std::int64_t>(values.size());
  parallel_for(count, kParallelGrain / 4, [=, this](std::int64_t begin, std::int64_t end) {
    std::int64_t i = begin;
    const auto position = [&] { return first + static_cast<std::uint64_t>(i); };
    const auto draw = [&] {
      values[static_cast<std::size_t>(i)] = to_uniform(block(position() / 4)[position() % 4]);
      ++i;
    };
    while (i < end && position() % 4 != 0) draw();
    const std::int64_t blocks = (end - i) / 4;
    uniform_blocks(position() / 4, blocks, fork_, key_, values.data() + i);
    i += 4 * blocks;
    while (i < end) draw();
  });
  position_ += values.size();
}

std::uint32_t Random::below(std::uint32_t bound) {
  require(bound >= 1, "random: expected a bound >= 1, got {}", bound);
  // Rejecting the incomplete last interval (Lemire 2019) keeps all values equally likely.
  const std::uint32_t threshold = (0u - bound) % bound;
  for (;;) {
    const std::uint64_t product = std::uint64_t{bits()} * bound;
    if (static_cast<std::uint32_t>(product) >= threshold)
      return static_cast<std::uint32_t>(product >> 32);
  }
}

}  // namespace quench
