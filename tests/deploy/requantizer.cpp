#include <doctest/doctest.h>

#include <cmath>
#include <functional>

#include "core/random.h"
#include "deploy/integer_only/accumulator_map.h"
#include "deploy/integer_only/requantizers.h"
#include "deploy/network/arithmetic.h"

using namespace quench;
using namespace quench::deploy;

namespace {

using Codes = std::function<std::int32_t(std::int64_t)>;

/// A layer's channel in f32.
struct Channel {
  float scale = 0.01f, bias = 0.0f;
  Output output{};
  quant::QuantGrid grid = quant::unsigned_grid(8);
  std::int64_t largest = 20000;

  std::int32_t operator()(std::int64_t sum) const {
    float x = static_cast<float>(sum) * scale + bias;
    for (const Affine& step : output.steps) x = apply(step, 0, x);
    return stored_code(x, grid) + grid.qmin;
  }
};

/// Its form, after checking every sum.
Requantizer checked_form(const Codes& codes, std::int64_t largest) {
  const Requantizer form = simplest_requantizer(find_steps(codes, -largest, largest));
  std::int64_t different = 0, line_different = 0;
  for (std::int64_t sum = -largest; sum <= largest; ++sum) {
    different += form(sum) != codes(sum) ? 1 : 0;
    line_different += form.line(sum) != codes(sum) ? 1 : 0;
  }
  CHECK(different == 0);
  if (form.form != Form::thresholds) CHECK(form.line_differs.count == 0);
  if (form.codes.steps.size() > 1) CHECK(form.line_differs.count == line_different);
  return form;
}

Requantizer checked_form(const Channel& channel) { return checked_form(channel, channel.largest); }

quant::QuantGrid scaled(quant::QuantGrid grid, float scale, std::int32_t zero_point = 0) {
  grid.scale = {scale};
  grid.zero_point = {zero_point};
  return grid;
}

}  // namespace

TEST_CASE("integer form: scales that are powers of two are a shift with ties to even") {
  const Channel channel{.scale = 0x1p-9f, .grid = scaled(quant::signed_full_grid(8), 0x1p-3f)};
  const Requantizer form = checked_form(channel);
  CHECK(form.form == Form::shift);
  CHECK(form.line == FixedPointMap{.multiplier = 1,
                                   .offset = 0,
                                   .shift = 6,
                                   .rounding = Rounding::half_even,
                                   .low = -128,
                                   .high = 127});
  CHECK(form(32) == 0);
  CHECK(form(96) == 2);
  CHECK(form(-96) == -2);
}

TEST_CASE("integer form: with powers of two, a bias that rules out ties needs no rounding") {
  const Channel channel{
      .scale = 0x1p-9f, .bias = 0.3f, .grid = scaled(quant::unsigned_grid(4), 0x1p-3f)};
  const Requantizer form = checked_form(channel);
  CHECK(form.form == Form::shift);
  CHECK(form.line.rounding == Rounding::floor);
  CHECK(form.line.offset == 32 + 153);  // half a code, and floor(0.3 * 2^9) sums
  CHECK(form.line.low == 0);
  CHECK(form.line.high == 15);
}

TEST_CASE("integer form: a negative gain makes the codes fall, and is a negative multiplier") {
  Channel channel{.scale = 0.0031f, .grid = scaled(quant::unsigned_grid(8), 0.07f, 3)};
  channel.output.steps = {{{-1.7f}, {2.0f}, Activation::relu6}};
  const Requantizer form = checked_form(channel);
  CHECK(form.form == Form::multiplier);
  CHECK(form.line.multiplier < 0);
  CHECK(form.line.low == 3);
  CHECK(form.line.high == 89);  // 3 + round(6 / 0.07)

  channel = {.scale = 0x1p-9f, .grid = scaled(quant::signed_full_grid(8), 0x1p-3f)};
  channel.output.steps = {{{-1.0f}, {0.0f}, Activation::none}};
  CHECK(checked_form(channel).line.multiplier == -1);
  CHECK(checked_form(channel).form == Form::shift);
}

TEST_CASE("integer form: a gain of 0 is a constant") {
  Channel channel{.grid = scaled(quant::unsigned_grid(8), 0.1f)};
  channel.output.steps = {{{0.0f}, {0.55f}, Activation::relu}};
  const Requantizer form = checked_form(channel);
  CHECK(form.form == Form::constant);
  CHECK(form.line.low == 6);  // 0.55f / 0.1f is 5.5: to even
}

TEST_CASE("integer form: into 1 bit, and into levels, by thresholds") {
  Channel channel{.scale = 0.003f, .bias = -1.0f, .grid = quant::binary_grid()};
  Requantizer form = checked_form(channel);
  CHECK(form.form == Form::thresholds);
  CHECK(form.codes.steps == std::vector<StepFunction::Step>{{334, 1}});

  channel.grid = {.bits = 3, .qmin = 0, .qmax = 8, .levels = {0, 1, 2, 4, 8}};
  channel.scale = 0.001f;
  form = checked_form(channel);
  CHECK(form.form == Form::thresholds);
  CHECK(form.codes.steps.size() == 4);
  CHECK(form.codes.last() == 8);
}

TEST_CASE("integer form: the codes of f32 at every sum, of channels at random") {
  Random random(3, "channels");
  int multipliers = 0;
  for (int i = 0; i < 60; ++i) {
    CAPTURE(i);
    Channel channel{.scale = std::exp2(-4.0f - 8.0f * random.uniform()),
                    .bias = random.uniform() * 2.0f - 1.0f};
    const int bits = 2 + i % 7;
    channel.grid = scaled(i % 2 == 0 ? quant::unsigned_grid(bits) : quant::signed_narrow_grid(bits),
                          std::exp2(-3.0f * random.uniform()), i % 3);
    channel.largest = 1000 << (i % 5);
    if (i % 4 == 0)
      channel.output.steps = {
          {{random.uniform() * 4.0f - 2.0f}, {random.uniform()}, Activation::none},
          {{}, {}, Activation::relu}};
    const Requantizer form = checked_form(channel);
    multipliers += form.form == Form::multiplier ? 1 : 0;

    const StepFunction codes = find_steps(channel, -channel.largest, channel.largest);
    const RealMap real =
        in_codes({double{channel.scale}, double{channel.bias}}, channel.output, channel.grid, 0);
    const auto nominal = nominal_line(real.slope, real.offset, codes);
    REQUIRE(nominal);
    const Difference differs = difference(steps_of(*nominal, codes.begin, codes.end), codes);
    CHECK(differs.count < 10);
    CHECK(differs.largest <= 1);
    if (differs.count == 0 && codes.steps.size() > 1) CHECK(form.form != Form::thresholds);
  }
  CHECK(multipliers > 40);
}

TEST_CASE("integer form: codes without an exact line come with the closest one") {
  const Requantizer form = checked_form(
      [](std::int64_t sum) {
        return static_cast<std::int32_t>(std::sqrt(static_cast<double>(sum + 1000)));
      },
      1000);
  CHECK(form.form == Form::thresholds);
  CHECK(form.line_differs.count > 0);
  CHECK(form.line_differs.largest >= 1);
}

TEST_CASE("fit_line: a line is found wherever one exists") {
  // Lines of 20 bits, any of which is within 31; their codes leave one offset at times.
  Random random(5, "lines");
  for (int i = 0; i < 200; ++i) {
    CAPTURE(i);
    const FixedPointMap line{
        .multiplier = static_cast<std::int32_t>(random.uniform() * 1e6f) * (i % 2 == 0 ? 1 : -1),
        .offset = static_cast<std::int64_t>(random.uniform() * 1e9f),
        .shift = 20 + i % 4,
        .low = -128,
        .high = 127};
    const StepFunction codes = steps_of(line, -3000, 3000);
    if (codes.steps.size() < 2) continue;
    CHECK(steps_of(fit_line(codes), -3000, 3000) == codes);
  }
}
