#include "quant/statistics/moments.h"

#include <doctest/doctest.h>

#include <cmath>

#include "quant/fixture.h"

namespace quench::quant {
namespace {

TEST_CASE("moments: match two naive sums in double, per tensor and per channel") {
  Tensor x = random_tensor({3, 5003}, 1);
  for (float& value : x.span()) value = 100.0f + value;  // a mean far from 0
  for (const bool per_channel : {false, true}) {
    const std::vector<Moments> result = moments(x, per_channel, "slot");
    const std::size_t slice = per_channel ? 5003 : 3 * 5003;
    REQUIRE(result.size() == (per_channel ? 3 : 1));
    for (std::size_t channel = 0; channel < result.size(); ++channel) {
      const auto part = x.span().subspan(channel * slice, slice);
      double mean = 0.0, variance = 0.0;
      for (const float value : part) mean += double{value} / static_cast<double>(slice);
      for (const float value : part) {
        variance += (double{value} - mean) * (double{value} - mean) / static_cast<double>(slice);
      }
      CHECK(result[channel].mean == doctest::Approx(mean).epsilon(1e-12));
      CHECK(result[channel].deviation == doctest::Approx(std::sqrt(variance)).epsilon(1e-10));
    }
  }
}

TEST_CASE("moments: a constant has no deviation; NaN and no values are rejected by name") {
  CHECK(moments(Tensor::full({77}, 0.375f), false, "slot")[0].deviation == 0.0);
  CHECK_THROWS_WITH_AS(moments(vector_of({1.0f, NAN}), false, "slot"),
                       "slot: expected finite values, got NaN or infinity in shape [2]",
                       std::invalid_argument);
  CHECK_THROWS_AS(moments(Tensor::zeros({0}), false, "slot"), std::invalid_argument);
}

}  // namespace
}  // namespace quench::quant
