#include "support/crc32.h"

#include <doctest/doctest.h>

#include <array>
#include <numeric>
#include <string_view>

using quench::crc32;
using quench::crc32c;

TEST_CASE("crc32: the check value of the catalogue, and that of zlib for no bytes") {
  const std::string_view digits = "123456789";
  CHECK(crc32(std::as_bytes(std::span(digits))) == 0xcbf43926u);
  CHECK(crc32({}) == 0u);
}

TEST_CASE("crc32c: the examples of RFC 3720, B.4, and the catalogue's check value") {
  std::array<unsigned char, 32> bytes{};
  const auto crc = [&bytes] { return crc32c(std::as_bytes(std::span(bytes))); };
  CHECK(crc() == 0x8a9136aau);
  bytes.fill(0xff);
  CHECK(crc() == 0x62a8ab43u);
  std::iota(bytes.begin(), bytes.end(), static_cast<unsigned char>(0));
  CHECK(crc() == 0x46dd794eu);
  std::iota(bytes.rbegin(), bytes.rend(), static_cast<unsigned char>(0));
  CHECK(crc() == 0x113fdb5cu);
  const std::string_view digits = "123456789";
  CHECK(crc32c(std::as_bytes(std::span(digits))) == 0xe3069283u);
  CHECK(crc32c({}) == 0u);
}
