#include "experiments/report/slot_statistics.h"

#include <doctest/doctest.h>

#include <cmath>
#include <stdexcept>

#include "quant/strategy.h"

using namespace quench;
using namespace quench::experiments::report;

namespace {

const quant::Strategy kByHand{.info = {.name = "by_hand"}, .make = {}};

/// A quantizer on a grid made by hand.
class OnGrid final : public quant::Quantizer {
 public:
  explicit OnGrid(quant::QuantGrid grid)
      : Quantizer({.strategy = &kByHand, .role = quant::Role::activation, .bits = grid.bits}),
        grid_(std::move(grid)) {}
  quant::QuantGrid grid() const override { return grid_; }
  void observe(const Tensor&) override {}

 protected:
  Variable train_forward(const Variable& x) override { return x; }

 private:
  quant::QuantGrid grid_;
};

class Empty final : public quant::Quantizer {
 public:
  Empty() : Quantizer({}, {.quantizes = false}) {}
  quant::QuantGrid grid() const override { throw std::logic_error("none"); }
  void observe(const Tensor&) override {}

 protected:
  Variable train_forward(const Variable& x) override { return x; }
};

SlotSummary summarize(quant::Quantizer&& quantizer, const std::vector<float>& values,
                      int rows = 1) {
  SlotStatistics statistics;
  statistics.add(quantizer, Tensor::from_row_major<float>(
                                {rows, static_cast<std::int64_t>(values.size()) / rows}, values));
  return statistics.summary();
}

std::int64_t sum(const Histogram& histogram) {
  std::int64_t result = 0;
  for (const std::int64_t count : histogram.counts) result += count;
  return result;
}

}  // namespace

TEST_CASE(
    "histogram: exact counts; edges belong to the bin above, outliers to the outermost bins") {
  Histogram histogram{0.0, 4.0, std::vector<std::int64_t>(4)};
  for (const double value : {0.0, 0.5, 1.0, 1.999, 3.0, 4.0, 17.0, -2.0}) histogram.add(value);
  CHECK(histogram.counts == std::vector<std::int64_t>{3, 2, 0, 3});
  CHECK(histogram.width() == 1.0);
}

TEST_CASE("make_histogram: cuts off a thousandth at each end, but not the grid") {
  std::vector<float> values;
  for (int i = 0; i < 2000; ++i) values.push_back(static_cast<float>(i) / 1000.0f - 1.0f);
  values[0] = -500.0f;
  values[1999] = 900.0f;
  const Histogram plain = make_histogram(values, {}, 10);
  CHECK(plain.low == doctest::Approx(-0.998 - 0.02 * 1.995).epsilon(1e-6));
  CHECK(plain.high == doctest::Approx(0.997 + 0.02 * 1.995).epsilon(1e-6));
  const std::vector<double> levels{-3.0, 5.0};
  const Histogram wide = make_histogram(values, levels, 10);
  CHECK(wide.low == doctest::Approx(-3.16));
  CHECK(wide.high == doctest::Approx(5.16));
  const Histogram one = make_histogram({2.0f}, {}, 10);
  CHECK(one.low < 2.0);
  CHECK(one.high > 2.0);
  CHECK_THROWS_AS(make_histogram({}, {}, 10), std::invalid_argument);
}

TEST_CASE("slot statistics: zeros and saturated values of a 2-bit grid, counted by hand") {
  quant::QuantGrid grid = quant::signed_full_grid(2);  // -2 .. 1
  grid.scale[0] = 0.5f;                                // -1, -0.5, 0, 0.5
  // To 0: 0, 0.2, -0.25 (a tie, to even). Saturated: below -1.25 or above 0.75.
  const SlotSummary slot =
      summarize(OnGrid(grid), {0.0f, 0.2f, -0.25f, 0.4f, 0.75f, 0.8f, -1.2f, -1.3f});
  CHECK(slot.quantizes());
  CHECK(slot.method == "by_hand");
  CHECK(slot.bits == 2);
  CHECK(slot.count == 8);
  CHECK(slot.zeros == 3);
  CHECK(slot.real_zeros == 1);
  CHECK(slot.saturated == 2);
  CHECK(slot.zero_percent().value() == 37.5);
  CHECK(slot.saturated_percent().value() == 25.0);
  CHECK(slot.levels == std::vector<double>{-1.0, -0.5, 0.0, 0.5});
  CHECK(slot.levels_used == 3);  // no value rounds to -0.5
  CHECK(slot.scale->first == 0.5f);
  CHECK_FALSE(slot.in_steps);
  CHECK(sum(slot.histogram) == 7);  // without the exact 0
  const double noise = 0.04 + 0.0625 + 0.01 + 0.0625 + 0.09 + 0.04 + 0.09;
  const double signal = 0.04 + 0.0625 + 0.16 + 0.5625 + 0.64 + 1.44 + 1.69;
  CHECK(slot.sqnr.value() == doctest::Approx(10.0 * std::log10(signal / noise)).epsilon(1e-5));
}

TEST_CASE("slot statistics: a zero point and an offset move the ends") {
  quant::QuantGrid grid = quant::unsigned_grid(2);  // 0 .. 3
  grid.zero_point[0] = 1;                           // -1 .. 2
  CHECK(summarize(OnGrid(grid), {-1.4f, -1.6f, 2.4f, 2.6f}).saturated == 2);
  CHECK(summarize(OnGrid(grid), {-1.4f, -1.6f}).levels == std::vector<double>{-1, 0, 1, 2});
  grid.offset = 10.0f;
  const SlotSummary slot = summarize(OnGrid(grid), {10.0f, 8.4f, 12.6f, 11.0f});
  CHECK(slot.saturated == 2);
  CHECK(slot.zeros == 0);  // the code 0 means 10
  CHECK(slot.levels == std::vector<double>{9, 10, 11, 12});
}

TEST_CASE("slot statistics: two-level grids have no zeros and no saturation") {
  quant::QuantGrid grid = quant::binary_grid();
  grid.scale[0] = 0.5f;
  const SlotSummary slot = summarize(OnGrid(grid), {-3.0f, 0.1f, 0.0f, 2.0f});
  CHECK_FALSE(slot.zero_percent().has_value());
  CHECK_FALSE(slot.saturated_percent().has_value());
  CHECK(slot.levels == std::vector<double>{-0.5, 0.5});
}

TEST_CASE("slot statistics: uneven levels saturate by half their last step") {
  quant::QuantGrid grid{.bits = 2, .qmin = -4, .qmax = 4, .levels = {-4, -1, 1, 4}};
  CHECK(summarize(OnGrid(grid), {5.4f, 5.6f, -5.4f, -5.6f, 2.0f}).saturated == 2);
}

TEST_CASE("slot statistics: channels with different scales are counted in steps") {
  quant::QuantGrid grid = quant::signed_narrow_grid(2);  // -1 .. 1
  grid.scale = {1.0f, 10.0f};
  grid.zero_point = {0, 0};
  grid.axis = 0;
  // 1.6 is beyond the grid of the first channel, 14 within that of the second.
  const SlotSummary slot = summarize(OnGrid(grid), {1.6f, 0.4f, 14.0f, 4.0f}, 2);
  CHECK(slot.in_steps);
  CHECK(slot.saturated == 1);
  CHECK(slot.zeros == 2);
  CHECK(slot.levels == std::vector<double>{-1, 0, 1});
  CHECK(slot.scale->first == 1.0f);
  CHECK(slot.scale->second == 10.0f);
  CHECK(slot.histogram.high < 2.0);
}

TEST_CASE("slot statistics: an empty slot has a histogram and no grid; NaN is skipped") {
  const SlotSummary slot = summarize(Empty(), {1.0f, NAN, -1.0f, INFINITY, 0.0f});
  CHECK_FALSE(slot.quantizes());
  CHECK(slot.count == 3);
  CHECK(slot.zeros == 1);
  CHECK(slot.levels.empty());
  CHECK_FALSE(slot.sqnr.has_value());
  CHECK_FALSE(slot.saturated_percent().has_value());
  CHECK(sum(slot.histogram) == 2);
  CHECK(summarize(Empty(), {0.0f, 0.0f}).zero_percent().value() == 100.0);
}
