#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "datasets/augmentation.h"

using namespace quench;
using namespace quench::datasets;

TEST_CASE("random_crop: parts are inside, with area and ratio distributed over their bounds") {
  const Random random(3, "test");
  const RandomCrop crop;
  constexpr int kWidth = 400, kHeight = 300, kDraws = 2000;
  double least = 1.0, most = 0.0, sum = 0.0;
  int left = 0;
  for (std::uint64_t i = 0; i < kDraws; ++i) {
    Random draws = random.fork(i);
    const Box box = crop.draw(kWidth, kHeight, draws);
    REQUIRE(box.x >= 0);
    REQUIRE(box.y >= 0);
    REQUIRE(box.x + box.width <= kWidth);
    REQUIRE(box.y + box.height <= kHeight);
    const double share = static_cast<double>(box.width) * box.height / (kWidth * kHeight);
    const double ratio = static_cast<double>(box.width) / box.height;
    // Sides are rounded to pixels, of which there are at least 84.
    CHECK(share > 0.08 * 0.98);
    CHECK(ratio > 0.75 * 0.98);
    CHECK(ratio < 4.0 / 3.0 * 1.02);
    least = std::min(least, share);
    most = std::max(most, share);
    sum += share;
    left += 2 * box.x + box.width < kWidth ? 1 : 0;
  }
  CHECK(least < 0.09);
  CHECK(most > 0.9);
  // A part of ratio r fits up to the share 0.75 r. Over ln r uniform in +-ln(4/3) and shares uniform
  // in 0.08 to 0.75 r, those that fit have the mean 0.433; the mean of 2000 deviates by 0.005.
  CHECK(std::abs(sum / kDraws - 0.433) < 0.02);
  CHECK(std::abs(left - kDraws / 2) < 150);
}

TEST_CASE("random_crop: the whole area at the image's ratio is the image") {
  Random random(1, "test");
  const RandomCrop crop{.min_scale = 1.0, .max_scale = 1.0, .min_ratio = 2.0, .max_ratio = 2.0};
  CHECK(crop.draw(64, 32, random) == Box{.width = 64, .height = 32});
}

TEST_CASE("random_crop: if nothing fits, the centre with the nearest ratio") {
  Random random(1, "test");
  const RandomCrop crop{.min_scale = 0.9};
  CHECK(crop.draw(1000, 30, random) == Box{.x = 480, .width = 40, .height = 30});
  CHECK(crop.draw(30, 1000, random) == Box{.y = 480, .width = 30, .height = 40});
  CHECK(crop.draw(1, 1, random) == Box{.width = 1, .height = 1});
}

TEST_CASE("random_crop: the error names invalid bounds") {
  CHECK_THROWS_WITH_AS((RandomCrop{.min_scale = 0.0}.validate()),
                       "random_crop: expected scales 0 < min <= max <= 1, got 0 and 1",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS((RandomCrop{.min_ratio = 2.0, .max_ratio = 1.0}.validate()),
                       "random_crop: expected ratios 0 < min <= max, got 2 and 1",
                       std::invalid_argument);
}
