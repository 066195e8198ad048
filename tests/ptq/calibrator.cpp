#include "ptq/calibrator.h"

#include <doctest/doctest.h>

#include <cmath>

#include "core/parallel.h"
#include "ptq/thresholds.h"
#include "quant/fixture.h"

namespace quench::ptq {
namespace {

quant::ValueRange range_of(const std::vector<std::vector<float>>& batches,
                           const CalibratorOptions& options) {
  const auto calibrator = make_calibrator(options);
  for (const auto& batch : batches) calibrator->observe(batch);
  return calibrator->range();
}

bool same(const quant::ValueRange& a, const quant::ValueRange& b) {
  return a.min == b.min && a.max == b.max;
}

TEST_CASE("min-max and moving average over batches: a batch of zeros does not change the average") {
  const std::vector<std::vector<float>> batches{{-1.0f, 2.0f}, {0.0f, 0.0f}, {-3.0f, 4.0f}};
  CHECK(same(range_of(batches, {.method = "minmax"}), {-3.0, 4.0}));
  CHECK(same(range_of(batches, {.method = "moving_average", .momentum = 0.75}), {-1.5, 2.5}));
  // 0 is always inside.
  CHECK(same(range_of({{2.0f, 3.0f}}, {.method = "minmax"}), {0.0, 3.0}));
  CHECK(same(range_of({{-2.0f, -3.0f}}, {.method = "minmax"}), {-3.0, 0.0}));
}

TEST_CASE("a threshold is the larger side; the other is clipped to it") {
  std::vector<float> x(1000);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i) - 300.0f;
  const auto at = [&](double percentile) {
    return range_of({x}, {.method = "percentile", .percentile = percentile, .keep_values = true});
  };
  CHECK(same(at(100.0), {-300.0, 699.0}));
  CHECK(same(at(80.0), {-300.0, 499.0}));  // 601 values up to 300, then one each
  CHECK(same(at(10.0), {-50.0, 50.0}));
  for (float& v : x) v = -v;
  CHECK(same(at(80.0), {-499.0, 300.0}));
}

TEST_CASE("a mostly empty activation: a percentile of 0 leaves the largest value") {
  std::vector<float> x(1000, 0.0f);
  x[5] = 2.0f;
  for (const bool keep : {true, false}) {
    const CalibratorOptions options{
        .method = "percentile", .percentile = 50.0, .bins = 64, .keep_values = keep};
    const quant::ValueRange range = range_of({x}, options);
    CHECK(range.min == 0.0);
    CHECK(range.max == doctest::Approx(keep ? 2.0 : 2.0 / 64));  // the first bin's edge
  }
}

TEST_CASE("three standard deviations: as over one batch, also with a large mean") {
  const Tensor noise = quant::random_tensor({4000}, 2);
  std::vector<float> x = noise.to_row_major();
  double sum = 0.0;
  for (float& v : x) sum += double{v += 1000.0f};
  double squares = 0.0;
  for (const float v : x) squares += std::pow(double{v} - sum / 4000.0, 2);
  const double want = sum / 4000.0 + 3.0 * std::sqrt(squares / 4000.0);
  const std::vector<float> first(x.begin(), x.begin() + 1000), rest(x.begin() + 1000, x.end());
  CHECK(range_of({first, rest}, {.method = "3sd"}).max == doctest::Approx(want).epsilon(1e-9));
}

TEST_CASE("signedness comes from the data: without negative values, all codes are positive") {
  std::vector<float> x(20000);
  Random random(5, "test");
  for (float& v : x) v = std::abs(random.normal());
  std::vector<float> mixed = x;
  for (std::size_t i = 0; i < mixed.size(); i += 2) mixed[i] = -mixed[i];
  for (const char* method : {"mse", "kl", "kl_j"}) {
    CAPTURE(std::string(method));
    const quant::ValueRange positive = range_of({x}, {.method = method, .bits = 4, .bins = 128});
    const quant::ValueRange both = range_of({mixed}, {.method = method, .bits = 4, .bins = 128});
    CHECK(positive.min == 0.0);
    CHECK(both.min < 0.0);
    CHECK(positive.max > both.threshold());  // twice the codes reach further
    // A signed grid of 5 bits has as many codes on either side, save the end of the narrow one.
    const quant::ValueRange wider = range_of({mixed}, {.method = method, .bits = 5, .bins = 128});
    CHECK(wider.threshold() == doctest::Approx(positive.max).epsilon(0.05));
  }
}

TEST_CASE("kl: the zeros of a ReLU, exact on every grid, do not lower the threshold") {
  Random random(5, "test");
  std::vector<float> positive(20000), rectified;
  for (float& v : positive) {
    v = std::abs(random.normal());
    rectified.insert(rectified.end(), {v, 0.0f, 0.0f});
  }
  for (const int bits : {4, 8}) {
    CAPTURE(bits);
    const quant::ValueRange range = range_of({rectified}, {.method = "kl", .bits = bits});
    CHECK(range.max == doctest::Approx(range_of({positive}, {.method = "kl", .bits = bits}).max));
    if (bits == 8) CHECK(range.max > 3.0);  // beyond which a half normal has 0.3 %
  }
}

TEST_CASE("a histogram approximates keeping all values, for each method that can do both") {
  const std::vector<float> x = quant::random_tensor({50000}, 6).to_row_major();
  const std::vector<float> first(x.begin(), x.begin() + 20000), rest(x.begin() + 20000, x.end());
  for (const char* method : {"percentile", "mse", "kl_j"}) {
    CAPTURE(std::string(method));
    const quant::ValueRange streamed =
        range_of({first, rest}, {.method = method, .bits = 4, .percentile = 99.0});
    const quant::ValueRange exact =
        range_of({x}, {.method = method, .bits = 4, .percentile = 99.0, .keep_values = true});
    CHECK(streamed.threshold() == doctest::Approx(exact.threshold()).epsilon(0.03));
  }
}

TEST_CASE("every method: zeros have the range [0, 0], a constant has one that contains it") {
  for (const CalibratorInfo& info : registered_calibrators()) {
    for (const int bits : {1, 2, 8}) {
      for (const bool keep : {true, false}) {
        CAPTURE(info.name);
        const CalibratorOptions options{.method = info.name, .bits = bits, .keep_values = keep};
        CHECK(same(range_of({std::vector<float>(100, 0.0f)}, options), {0.0, 0.0}));
        // A divergence ends half a bin beyond the largest value.
        const quant::ValueRange constant = range_of({std::vector<float>(100, -0.5f)}, options);
        CHECK(constant.max == 0.0);
        CHECK(constant.min == doctest::Approx(-0.5).epsilon(0.06));
        const quant::ValueRange tiny = range_of({{1e-37f, -2e-37f}, {3e38f, 0.0f}}, options);
        CHECK(std::isfinite(tiny.threshold()));
      }
    }
  }
}

TEST_CASE("weights: one range for all, or per output channel independently") {
  const Tensor weight = quant::random_tensor({5, 4, 3, 3}, 8);
  const int before = num_threads();
  for (const char* method : {"minmax", "mse", "kl_j", "kl"}) {
    CAPTURE(std::string(method));
    set_num_threads(3);
    const CalibratorOptions options{.method = method, .bits = 4};
    const auto whole = calibrate_weight(weight, false, options);
    const auto channels = calibrate_weight(weight, true, options);
    set_num_threads(1);
    REQUIRE(whole.size() == 1);
    REQUIRE(channels.size() == 5);
    CalibratorOptions exact = options;
    exact.keep_values = true;
    const std::vector<float> values = weight.to_row_major();
    CHECK(same(whole[0], range_of({values}, exact)));
    for (std::ptrdiff_t i = 0; i < 5; ++i) {
      const auto begin = values.begin() + 36 * i;
      CHECK(same(channels[static_cast<std::size_t>(i)], range_of({{begin, begin + 36}}, exact)));
    }
  }
  set_num_threads(before);
}

TEST_CASE("calibration errors: messages name the slot, the value and what is accepted") {
  const CalibratorOptions options{.method = "mse", .slot = "conv1.input"};
  const auto calibrator = make_calibrator(options);
  CHECK_THROWS_WITH_AS(calibrator->range(),
                       "conv1.input: calibration expected at least 1 batch, got 0",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(calibrator->observe({}),
                       "conv1.input: calibration expected at least one value in a batch, got none",
                       std::invalid_argument);
  for (const float bad : {NAN, INFINITY, -INFINITY}) {
    CHECK_THROWS_WITH_AS(calibrator->observe(std::vector{1.0f, bad}),
                         "conv1.input: calibration expected finite values, got NaN or infinity",
                         std::invalid_argument);
  }
  CHECK_FALSE(calibrator->observed());
  CHECK_THROWS_WITH_AS(
      make_calibrator({.method = "percentil", .slot = "conv1.input"}),
      "conv1.input: unknown calibrator 'percentil'; did you mean 'percentile'? (accepted: minmax, "
      "moving_average, percentile, mse, lp_range, kl, kl_j, 3sd)",
      std::invalid_argument);
  CHECK_THROWS_AS(make_calibrator({.bits = 9}), std::invalid_argument);
  CHECK_THROWS_AS(make_calibrator({.percentile = 0.0}), std::invalid_argument);
  CHECK_THROWS_AS(make_calibrator({.momentum = 1.5}), std::invalid_argument);
  CHECK_THROWS_AS(make_calibrator({.bins = 0}), std::invalid_argument);
  Tensor weight = quant::random_tensor({2, 3}, 1);
  weight.data()[2] = NAN;
  CHECK_THROWS_AS(calibrate_weight(weight, true, options), std::invalid_argument);
}

TEST_CASE("options from a config: keys override defaults, unknown keys are rejected") {
  const Settings settings = Settings::from({{"method", "percentile"}, {"percentile", 99.5}});
  const CalibratorOptions options = read_calibrator_options(settings, {.bits = 4, .bins = 512});
  CHECK(options.method == "percentile");
  CHECK(options.percentile == 99.5);
  CHECK(options.bits == 4);
  CHECK(options.bins == 512);
  settings.finish();
  CHECK_THROWS_AS(read_calibrator_options(Settings::from({{"percentile", 101}})),
                  std::invalid_argument);
  CHECK_THROWS_AS(read_calibrator_options(Settings::from({{"method", "max"}})),
                  std::invalid_argument);
}

}  // namespace
}  // namespace quench::ptq
