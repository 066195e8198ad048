#include <doctest/doctest.h>

#include <cmath>
#include <stdexcept>

#include "ptq/sqnr.h"
#include "quant/grid.h"

namespace quench::ptq {
namespace {

TEST_CASE("signal to noise: by hand, over several parts, without noise, without values") {
  SignalToNoise ratio;
  ratio.add(std::vector<float>{3}, std::vector<float>{3});
  CHECK(ratio.db() == INFINITY);
  ratio.add(std::vector<float>{-4}, std::vector<float>{-3});
  CHECK(ratio.db() == doctest::Approx(10.0 * std::log10(25.0)));

  SignalToNoise silence;
  silence.add(std::vector<float>{0}, std::vector<float>{1});
  CHECK(silence.db() == -INFINITY);
  CHECK_THROWS_AS(silence.add(std::vector<float>{0, 1}, std::vector<float>{0}),
                  std::invalid_argument);
}

TEST_CASE("normalized signal to noise: after the best shift and factor per channel") {
  // In channel 0, y = 3 - 2 x; in channel 1, x = (-1, 1, -1, 1) and y = (-1, 1, 1, 1), whose
  // correlation is 1 / sqrt(3).
  const std::vector<float> x{1, -1, 2, 1, 3, -1, 5, 1}, y{1, -1, -1, 1, -3, 1, -7, 1};
  NormalizedSignalToNoise ratio;
  ratio.add(std::span(x).first(4), std::span(y).first(4), 2);
  CHECK(ratio.db() == INFINITY);
  ratio.add(std::span(x).last(4), std::span(y).last(4), 2);
  CHECK(ratio.db() == doctest::Approx(10.0 * std::log10(2.0 / (2.0 / 3.0))));

  NormalizedSignalToNoise constant;  // nothing of x is in y
  constant.add(std::vector<float>{1, 2}, std::vector<float>{5, 5}, 1);
  CHECK(constant.db() == 0.0);
  NormalizedSignalToNoise silence;  // a channel without a signal does not count
  silence.add(std::vector<float>{7, 7}, std::vector<float>{1, 2}, 1);
  CHECK(std::isnan(silence.db()));
  CHECK_THROWS_AS(silence.add(std::vector<float>{1, 2, 3}, std::vector<float>{1, 2, 3}, 2),
                  std::invalid_argument);
  CHECK_THROWS_AS(silence.add(std::vector<float>{1}, std::vector<float>{}, 1),
                  std::invalid_argument);
}

TEST_CASE("signal to noise: 6.02 dB per bit for a uniform signal over the whole grid") {
  for (const int bits : {2, 3, 4, 6, 8}) {
    CAPTURE(bits);
    quant::QuantGrid grid = quant::signed_full_grid(bits);
    grid.scale[0] = std::ldexp(2.0f, -bits);
    // Between half a step below the lowest code and half a step above the highest.
    constexpr int kCount = 100'000;
    Tensor signal({kCount});
    for (int i = 0; i < kCount; ++i) {
      const double share = (i + 0.5) / kCount;
      signal.data()[i] = static_cast<float>(2.0 * share - 1.0 - grid.scale[0] / 2.0);
    }
    SignalToNoise ratio;
    ratio.add(signal.span(), fake_quantize(signal, grid).span());
    // For a signal in [-1, 1] shifted by half a step: power 1/3 + s^2 / 4, noise s^2 / 12.
    const double step = grid.scale[0];
    const double exact = 10.0 * std::log10((1.0 / 3.0 + step * step / 4.0) * 12.0 / (step * step));
    CHECK(ratio.db() == doctest::Approx(exact).epsilon(1e-3));
    if (bits >= 6) CHECK(ratio.db() == doctest::Approx(6.02 * bits).epsilon(1e-3));
  }
}

}  // namespace
}  // namespace quench::ptq
