#include <doctest/doctest.h>

#include <cmath>
#include <stdexcept>

#include "deploy/integer_only/fixed_point_map.h"

using namespace quench::deploy;

TEST_CASE("divide, shift_right: every rounding, on either side of 0") {
  for (std::int64_t value = -40; value <= 40; ++value) {
    CAPTURE(value);
    const double exact = static_cast<double>(value) / 8.0;
    const double away = std::copysign(std::floor(std::abs(exact) + 0.5), exact);
    CHECK(static_cast<double>(shift_right(value, 3, Rounding::half_even)) == std::nearbyint(exact));
    CHECK(static_cast<double>(shift_right(value, 3, Rounding::half_up)) == std::floor(exact + 0.5));
    CHECK(static_cast<double>(shift_right(value, 3, Rounding::half_away)) == away);
    CHECK(static_cast<double>(shift_right(value, 3, Rounding::floor)) == std::floor(exact));
    for (const auto rounding :
         {Rounding::half_even, Rounding::half_away, Rounding::half_up, Rounding::floor}) {
      CHECK(divide(value, 8, rounding) == shift_right(value, 3, rounding));
      CHECK(shift_right(value, 0, rounding) == value);
    }
    CHECK(divide(value, 3, Rounding::half_up) ==
          static_cast<std::int64_t>(std::floor(static_cast<double>(value) / 3.0 + 0.5)));
  }
}

TEST_CASE("quantize_multiplier: within half a unit of the last of 31 bits, if representable") {
  for (const double m : {0.7, 3.0, 1e-6, 0.9999999999, 12345.678}) {
    const Multiplier result = quantize_multiplier(m);
    CHECK(result.mantissa >= std::int32_t{1} << 30);
    CHECK(std::abs(std::ldexp(result.mantissa, result.exponent - 31) - m) <=
          std::ldexp(0.5, result.exponent - 31));
  }
  CHECK(quantize_multiplier(std::ldexp(1.0, -33)).mantissa == 0);
  CHECK_THROWS_WITH_AS(quantize_multiplier(-1.0), "multiplier: expected 0 to 2^30, got -1",
                       std::invalid_argument);
  CHECK_THROWS_AS(quantize_multiplier(std::ldexp(1.0, 30)), std::invalid_argument);
  CHECK_THROWS_AS(quantize_multiplier(std::nan("")), std::invalid_argument);
}
