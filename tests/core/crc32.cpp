#include "core/crc32.h"

#include <doctest/doctest.h>

#include <string_view>

using quench::crc32;

TEST_CASE("crc32: the check value of the catalogue, and that of zlib for no bytes") {
  const std::string_view digits = "123456789";
  CHECK(crc32(std::as_bytes(std::span(digits))) == 0xcbf43926u);
  CHECK(crc32({}) == 0u);
}
