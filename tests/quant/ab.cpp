#include "quant/strategies/ab.h"

#include <doctest/doctest.h>

#include <cmath>

#include "quant/fixture.h"
#include "quant/strategies/ppq.h"

namespace quench::quant {
namespace {

double alpha_of(const Quantizer& quantizer) { return double{quantizer.metrics().at(0).second}; }

std::unique_ptr<Quantizer> activation(int bits, const char* way, Settings settings = {}) {
  settings.set("activation", way);
  return started("ab", {.role = Role::activation, .bits = bits}, settings);
}

TEST_CASE("alpha rises from start to end of the run, in stairs") {
  const auto quantizer = make("ab", {.bits = 8}, Settings::from({{"alpha_every", 4}}));
  quantizer->begin_training({.total_steps = 20});  // T0 = 2, T1 = 18
  for (std::int64_t step = 0; step <= 3; ++step) quantizer->step(step);
  CHECK(alpha_of(*quantizer) == 0.0);
  quantizer->step(4);
  CHECK(alpha_of(*quantizer) == doctest::Approx(1.0 - std::pow(14.0 / 16.0, 3)));
  for (std::int64_t step = 5; step <= 19; ++step) quantizer->step(step);
  CHECK(alpha_of(*quantizer) < 1.0);
  quantizer->step(20);  // the first multiple of 4 at or after 18
  CHECK(alpha_of(*quantizer) == 1.0);
}

TEST_CASE("the exponential schedule ends with a jump of 0.001 unless lambda is set") {
  const auto quantizer =
      make("ab", {.bits = 8},
           Settings::from({{"schedule", "exponential"}, {"start", 0.0}, {"end", 0.5}}));
  quantizer->begin_training({.total_steps = 200});
  for (std::int64_t step = 0; step < 100; ++step) quantizer->step(step);
  CHECK(alpha_of(*quantizer) == doctest::Approx(1.0 - std::pow(10.0, -3.0 * 99.0 / 100.0)));
  quantizer->step(100);
  CHECK(alpha_of(*quantizer) == 1.0);
}

TEST_CASE("gradient_mode: the position of the factor 1 - alpha; nothing changes at alpha = 1") {
  const Tensor w = random_tensor({4, 3}, 1);
  const auto check = [&](const char* mode, bool adaptive, float gradient, float step) {
    CAPTURE(mode);
    const auto quantizer = make("ab", {.bits = 4}, Settings::from({{"gradient_mode", mode}}));
    quantizer->begin_training({.total_steps = 10, .adaptive_optimizer = adaptive});
    set_alpha(*quantizer, 0.75);
    CHECK(pass(*quantizer, w).gradient.data()[0] == gradient);
    CHECK(quantizer->latent_update()->step_scale() == step);
    set_alpha(*quantizer, 1.0);
    CHECK(pass(*quantizer, w).gradient.data()[0] == 0.0f);
    CHECK(quantizer->latent_update()->step_scale() == 0.0f);
  };
  check("grad_scale", true, 0.25f, 1.0f);
  check("step_scale", false, 1.0f, 0.25f);
  check("auto", false, 0.25f, 1.0f);
  check("auto", true, 1.0f, 0.25f);
}

TEST_CASE("at alpha = 1 training equals evaluation; at 0, the weight itself") {
  for (const int bits : {1, 2, 4, 8}) {
    CAPTURE(bits);
    const auto quantizer = started("ab", {.bits = bits, .granularity = Granularity::per_channel});
    const Variable w(random_tensor({4, 3, 3, 3}, 2), true);
    CHECK(quantizer->forward(w).value().shares_storage_with(w.value()));
    set_alpha(*quantizer, 1.0);
    const Tensor trained = quantizer->forward(w).value();
    quantizer->set_mode(Mode::evaluation);
    CHECK(same_bits(trained, quantizer->forward(w).value()));
  }
}

TEST_CASE("project_every: w_q is held in between, and is that of the final weight at alpha = 1") {
  const auto quantizer = make("ab", {.bits = 4}, Settings::from({{"project_every", 3}}));
  quantizer->begin_training({.total_steps = 100});
  Tensor w = random_tensor({4, 3}, 3);
  quantizer->forward(Variable(w));
  const Tensor held = fake_quantize(w, quantizer->grid());
  for (std::int64_t step = 0; step < 3; ++step) {
    quantizer->step(step);
    set_alpha(*quantizer, 0.5);
    w = random_tensor({4, 3}, 4 + static_cast<std::uint64_t>(step));
    const Tensor blend = quantizer->forward(Variable(w)).value();
    const Tensor expected = zip(w, step < 2 ? held : fake_quantize(w, quantizer->grid()),
                                [](float a, float b) { return 0.5f * a + 0.5f * b; });
    CHECK(same_bits(blend, expected));
  }
  set_alpha(*quantizer, 1.0);
  w = random_tensor({4, 3}, 9);
  const Tensor last = quantizer->forward(Variable(w)).value();
  CHECK(quantizer->grid().scale == ppq_scales(w, 4, false, 0, "test").gamma);
  CHECK(same_bits(last, fake_quantize(w, quantizer->grid())));
}

TEST_CASE("1-bit weights may carry their mean magnitude, which the grid exports") {
  const Tensor w = Tensor::from_row_major<float>({2, 2}, std::vector{0.5f, -1.5f, 0.0f, 0.0f});
  const auto quantizer = started("ab", {.bits = 1, .granularity = Granularity::per_channel},
                                 Settings::from({{"binary_scale", "mean_abs"}}));
  set_alpha(*quantizer, 0.5);
  CHECK(quantizer->forward(Variable(w)).value().to_row_major() ==
        std::vector<float>{0.75f, -1.25f, 0.5f, 0.5f});
  CHECK(quantizer->grid().scale == std::vector<float>{1.0f, 1.0f});
  CHECK(quantizer->grid().axis == 0);
}

TEST_CASE("latent_clip: off by default") {
  Tensor w = vector_of({-3.0f, 0.5f, 2.0f});
  make("ab", {.bits = 1})->latent_update()->project(w);
  CHECK(w.data()[0] == -3.0f);
  make("ab", {.bits = 1}, Settings::from({{"latent_clip", 1.5}}))->latent_update()->project(w);
  CHECK(w.to_row_major() == std::vector<float>{-1.5f, 0.5f, 1.5f});
}

// gamma_a = 1 after the first batch: the codes fit exactly. 8.5 and -9.25 lie outside the grid.
const std::vector<float> kCalibration{7.0f, -3.0f, 1.0f, 0.0f};
const std::vector<float> kInput{2.25f, 8.5f, -9.25f, 7.0f};
const std::vector<float> kQuantized{2.0f, 7.0f, -7.0f, 7.0f};

TEST_CASE("activations: forward and gradient of the four modes, at alpha 0.25") {
  const auto run = [](const char* way, const std::vector<float>& gradient, bool blended, bool on) {
    CAPTURE(way);
    const auto quantizer = activation(4, way, Settings::from({{"momentum", 1.0}}));
    quantizer->observe(vector_of(kCalibration));
    REQUIRE(quantizer->grid().scale[0] == 1.0f);
    set_alpha(*quantizer, 0.25);
    const Pass result = pass(*quantizer, vector_of(kInput));
    for (std::size_t i = 0; i < kInput.size(); ++i) {
      const float share = blended ? 0.25f : (on ? 1.0f : 0.0f);
      CHECK(result.output.data()[i] == (1.0f - share) * kInput[i] + share * kQuantized[i]);
    }
    CHECK(result.gradient.to_row_major() == gradient);
  };
  run("blend_pure", {0.75f, 0.75f, 0.75f, 0.75f}, true, false);
  run("blend_ste", {1, 0, 0, 1}, true, false);
  run("auto", {1, 0, 0, 1}, true, false);
  run("ste", {1, 0, 0, 1}, false, true);
  run("off_then_on", {1, 1, 1, 1}, false, false);
}

TEST_CASE("activations at alpha = 1: all on the grid, gradients according to the tail") {
  const auto gradient = [](const char* way, const char* tail) {
    const auto quantizer =
        activation(4, way, Settings::from({{"momentum", 1.0}, {"tail_gradient", tail}}));
    quantizer->observe(vector_of(kCalibration));
    set_alpha(*quantizer, 1.0);
    const Pass result = pass(*quantizer, vector_of(kInput));
    CHECK(result.output.to_row_major() == kQuantized);
    return result.gradient.to_row_major();
  };
  CHECK(gradient("blend_pure", "ste") == std::vector<float>{1, 0, 0, 1});
  CHECK(gradient("blend_pure", "pure") == std::vector<float>{0, 0, 0, 0});
  CHECK(gradient("blend_ste", "pure") == std::vector<float>{1, 0, 0, 1});
  CHECK(gradient("off_then_on", "pure") == std::vector<float>{1, 1, 1, 1});
}

TEST_CASE("1-bit activations: hardtanh fades into sign, gradients stop outside [-1, 1]") {
  const std::vector<float> input{-2.0f, -1.0f, 0.5f, 1.5f};
  const auto run = [&](const char* way, float share, float passed) {
    CAPTURE(way);
    const auto quantizer = activation(1, way);
    set_alpha(*quantizer, 0.25);
    const Pass result = pass(*quantizer, vector_of(input));
    const float third = (1.0f - share) * 0.5f + share;
    CHECK(result.output.to_row_major() == std::vector<float>{-1, -1, third, 1});
    CHECK(result.gradient.to_row_major() == std::vector<float>{0, passed, passed, 0});
  };
  run("blend_pure", 0.25f, 0.75f);
  run("auto", 0.25f, 0.75f);
  run("blend_ste", 0.25f, 1.0f);
  run("ste", 1.0f, 1.0f);
  run("off_then_on", 0.0f, 1.0f);
}

TEST_CASE("gamma_a: an average over batches that ignores zeros, frozen once alpha is 1") {
  const auto quantizer = activation(4, "blend_ste");
  CHECK_THROWS_AS(quantizer->grid(), std::logic_error);
  pass(*quantizer, vector_of({7.0f, 1.0f}));
  CHECK(quantizer->grid().scale[0] == 1.0f);
  pass(*quantizer, Tensor::zeros({2}));
  CHECK(quantizer->grid().scale[0] == 1.0f);
  pass(*quantizer, vector_of({14.0f, 2.0f}));
  const float before = quantizer->grid().scale[0];
  CHECK(before > 1.0f);
  set_alpha(*quantizer, 1.0);
  pass(*quantizer, vector_of({700.0f, 100.0f}));
  CHECK(quantizer->grid().scale[0] == before);
}

TEST_CASE("gamma_a of a large tensor comes from a sample that sees every channel") {
  // Only channel 63 is large: a stride of a power of two would never sample it.
  Tensor x = random_tensor({16, 64, 32, 32}, 5);
  for (std::int64_t i = 63; i < x.numel(); i += 64) x.data()[i] *= 20.0f;
  const auto sampled = activation(8, "blend_ste");
  const auto whole = activation(8, "blend_ste", Settings::from({{"ppq_samples", 1 << 20}}));
  sampled->observe(x);
  whole->observe(x);
  const float ratio = sampled->grid().scale[0] / whole->grid().scale[0];
  CHECK(ratio > 0.7f);
  CHECK(ratio < 1.1f);
}

TEST_CASE("invalid settings are rejected by key") {
  CHECK_THROWS_WITH_AS(make("ab", {.bits = 4}, Settings::from({{"start", 0.5}, {"end", 0.25}})),
                       "<settings>: end: expected more than start = 0.5, got 0.25",
                       std::invalid_argument);
  CHECK_THROWS_AS(make("ab", {.bits = 4}, Settings::from({{"alpha_every", 0}})),
                  std::invalid_argument);
  CHECK_THROWS_AS(make("ab", {.bits = 4}, Settings::from({{"activation", "soft"}})),
                  std::invalid_argument);
}

}  // namespace
}  // namespace quench::quant
