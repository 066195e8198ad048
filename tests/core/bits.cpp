#include "core/ops/bits.h"

#include <doctest/doctest.h>

#include <vector>

#include "core/random.h"

namespace quench {
namespace {

TEST_CASE("bits: flag i is bit i % 8 of byte i / 8, for every pattern of eight and any count") {
  for (unsigned pattern = 0; pattern < 256; ++pattern) {
    std::uint8_t flags[8];
    for (unsigned k = 0; k < 8; ++k) flags[k] = static_cast<std::uint8_t>((pattern >> k) & 1U);
    std::uint8_t bits = 0;
    pack_bits(flags, 8, &bits);
    REQUIRE(bits == pattern);
    std::uint8_t back[8] = {};
    unpack_bits(&bits, 8, back);
    REQUIRE(std::equal(flags, flags + 8, back));
  }
  Random random(1, "flags");
  for (const std::int64_t count : {0, 1, 7, 8, 9, 63, 64, 1001}) {
    std::vector<std::uint8_t> flags(static_cast<std::size_t>(count));
    for (std::uint8_t& flag : flags) flag = static_cast<std::uint8_t>(random.below(2));
    std::vector<std::uint8_t> bits(static_cast<std::size_t>(bytes_of_bits(count)), 0xff);
    pack_bits(flags.data(), count, bits.data());
    for (std::int64_t i = 0; i < 8 * bytes_of_bits(count); ++i) {
      const int bit = (bits[static_cast<std::size_t>(i / 8)] >> (i % 8)) & 1;
      REQUIRE(bit == (i < count ? flags[static_cast<std::size_t>(i)] : 0));
    }
    std::vector<std::uint8_t> back(flags.size(), 7);
    unpack_bits(bits.data(), count, back.data());
    CHECK(back == flags);
  }
}

}  // namespace
}  // namespace quench
