#include "core/random.h"

#include <cmath>
#include <numbers>

#include "core/error.h"
#include "core/parallel.h"

namespace quench {
namespace {

/// SplitMix64's finalizer: spreads every input bit over the output.
std::uint64_t mix(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15u;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

float to_uniform(std::uint32_t word) { return static_cast<float>(word >> 8) * 0x1p-24f; }

}  // namespace

std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter,
                                        std::array<std::uint32_t, 2> key) {
  constexpr std::uint32_t kMultiplier0 = 0xD2511F53, kMultiplier1 = 0xCD9E8D57;
  constexpr std::uint32_t kWeyl0 = 0x9E3779B9, kWeyl1 = 0xBB67AE85;
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t a = std::uint64_t{kMultiplier0} * counter[0];
    const std::uint64_t b = std::uint64_t{kMultiplier1} * counter[2];
    counter = {
        static_cast<std::uint32_t>(b >> 32) ^ counter[1] ^ key[0], static_cast<std::uint32_t>(b),
        static_cast<std::uint32_t>(a >> 32) ^ counter[3] ^ key[1], static_cast<std::uint32_t>(a)};
    key[0] += kWeyl0;
    key[1] += kWeyl1;
  }
  return counter;
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
  // Box-Muller; 1 - u keeps the logarithm's argument above 0. One of the pair is dropped, so that a
  // value always costs two words and the position says all about the state.
  const double radius = std::sqrt(-2.0 * std::log(1.0 - static_cast<double>(uniform())));
  return static_cast<float>(radius *
                            std::cos(2.0 * std::numbers::pi * static_cast<double>(uniform())));
}

void Random::fill_uniform(std::span<float> values) {
  const std::uint64_t first = position_;
  const auto count = static_cast<std::int64_t>(values.size());
  parallel_for(count, kParallelGrain / 4, [=, this](std::int64_t begin, std::int64_t end) {
    std::array<std::uint32_t, 4> words{};
    for (std::int64_t i = begin; i < end; ++i) {
      const std::uint64_t at = first + static_cast<std::uint64_t>(i);
      if (i == begin || at % 4 == 0) words = block(at / 4);
      values[static_cast<std::size_t>(i)] = to_uniform(words[at % 4]);
    }
  });
  position_ += values.size();
}

std::uint32_t Random::below(std::uint32_t bound) {
  require(bound >= 1, "random: expected a bound >= 1, got {}", bound);
  // Rejection of the incomplete last interval (Lemire 2019) keeps all values equally likely.
  const std::uint32_t threshold = (0u - bound) % bound;
  for (;;) {
    const std::uint64_t product = std::uint64_t{bits()} * bound;
    if (static_cast<std::uint32_t>(product) >= threshold)
      return static_cast<std::uint32_t>(product >> 32);
  }
}

}  // namespace quench
