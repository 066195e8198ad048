#include "ptq/histogram.h"

#include <doctest/doctest.h>

#include <cmath>
#include <numeric>

#include "core/parallel.h"
#include "quant/fixture.h"

namespace quench::ptq {
namespace {

using Counts = std::vector<double>;

Counts counts(const MagnitudeHistogram& histogram) {
  return {histogram.counts().begin(), histogram.counts().end()};
}

void add(MagnitudeHistogram& histogram, const std::vector<float>& x) {
  float largest = 0.0f;
  for (const float v : x) largest = std::max(largest, std::abs(v));
  histogram.add(x, largest);
}

TEST_CASE("a histogram of |x|: the first batch sets the width, the last bin has its upper edge") {
  MagnitudeHistogram histogram(4);
  add(histogram, {-1.0f, 0.0f, 0.25f, -0.3f, 0.99f, 1.0f});
  CHECK(histogram.width() == 0.25);
  CHECK(counts(histogram) == Counts{1, 2, 0, 3});
}

TEST_CASE("zeros before the first other value are counted in bin 0") {
  MagnitudeHistogram histogram(2);
  add(histogram, {0.0f, 0.0f, -0.0f});
  CHECK(histogram.width() == 0.0);
  CHECK(counts(histogram) == Counts{3});
  add(histogram, {0.0f, 2.0f});
  CHECK(counts(histogram) == Counts{4, 1});
}

TEST_CASE("a batch with larger values appends bins of the same width") {
  MagnitudeHistogram histogram(2);
  add(histogram, {0.5f, 1.0f});
  add(histogram, {2.2f, 0.1f});
  CHECK(histogram.width() == 0.5);
  CHECK(counts(histogram) == Counts{1, 2, 0, 0, 1});
}

TEST_CASE("beyond 8 times the first range neighbours merge, and no count is lost") {
  MagnitudeHistogram histogram(4);
  add(histogram, {0.1f, 0.3f, 0.6f, 1.0f});
  add(histogram, {-30.0f});
  CHECK(histogram.width() == 1.0);
  CHECK(histogram.counts().size() == 30);
  CHECK(histogram.counts()[0] == 4.0);
  CHECK(histogram.counts()[29] == 1.0);
}

TEST_CASE("huge and tiny values neither overflow nor divide by 0") {
  MagnitudeHistogram histogram(16);
  add(histogram, {1e-37f, 3e-40f});
  add(histogram, {3.4e38f, -1e20f});
  CHECK(histogram.counts().size() <= 8 * 16);
  CHECK(histogram.counts().back() == 1.0);
  CHECK(histogram.counts()[0] == 3.0);
}

TEST_CASE("many values: counts match a naive loop, with any number of threads") {
  const Tensor x = quant::random_tensor({300000}, 1);
  float largest = 0.0f;
  for (const float v : x.span()) largest = std::max(largest, std::abs(v));
  Counts naive(100, 0.0);
  for (const float v : x.span()) {
    ++naive[std::min<std::size_t>(99, static_cast<std::size_t>(std::abs(v) / largest * 100.0f))];
  }
  const int before = num_threads();
  for (const int threads : {1, 2, 3}) {
    set_num_threads(threads);
    MagnitudeHistogram histogram(100);
    histogram.add(x.span(), largest);
    CHECK(counts(histogram) == naive);
  }
  set_num_threads(before);
}

TEST_CASE("resampling spreads each bin evenly") {
  const Counts fine{4, 2, 0, 6, 3, 3};
  CHECK(resample_counts(fine, 3) == Counts{6, 6, 6});
  CHECK(resample_counts(fine, 6) == fine);
  CHECK(resample_counts(fine, 4) == Counts{5, 1, 7.5, 4.5});
}

}  // namespace
}  // namespace quench::ptq
