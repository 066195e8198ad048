#include "quant/strategies/tqt.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "quant/fixture.h"
#include "quant/strategies/threshold_freezer.h"

namespace quench::quant {
namespace {

const SlotSpec kWeight{.bits = 4};
const SlotSpec kActivation{.role = Role::activation, .bits = 4};

Variable log2_t(Quantizer& quantizer) { return quantizer.parameters()[0].second; }
void set_log2_t(Quantizer& quantizer, float value) {
  Variable trained = log2_t(quantizer);
  trained.mutable_value().copy_from(Tensor::full(trained.shape(), value));
}

TEST_CASE("tqt weights start at |mean| + 3 standard deviations, or at max|w|") {
  // Mean 1, deviation 2: t = 7, so the effective threshold is 8, and the step 8 / 2^3.
  const Tensor w = vector_of({-1.0f, 3.0f, 3.0f, -1.0f});
  const auto spread = make("tqt", kWeight);
  pass(*spread, w);
  CHECK(log2_t(*spread).value().item() == std::log2(7.0f));
  CHECK(spread->grid().scale == std::vector<float>{1.0f});
  CHECK(spread->grid().qmin == -8);
  CHECK(spread->grid().qmax == 7);

  const auto largest = make("tqt", kWeight, Settings::from({{"init_weight", "max"}}));
  pass(*largest, w);
  CHECK(log2_t(*largest).value().item() == std::log2(3.0f));
  CHECK(largest->grid().scale == std::vector<float>{0.5f});
}

TEST_CASE("tqt per channel: a threshold each, 1 for a channel of zeros") {
  const auto quantizer =
      make("tqt", {.bits = 4, .granularity = Granularity::per_channel, .channels = 3},
           Settings::from({{"init_weight", "max"}}));
  const Tensor w =
      Tensor::from_row_major<float>({3, 2}, std::vector{0.5f, -1.0f, 0.0f, 0.0f, 7.0f, -3.0f});
  const Pass result = pass(*quantizer, w);
  CHECK(quantizer->grid().scale == std::vector<float>{0.125f, 0.125f, 1.0f});
  CHECK(quantizer->grid().axis == 0);
  CHECK(result.output.to_row_major() == std::vector<float>{0.5f, -1, 0, 0, 7, -3});
  // 7 / 8 of a threshold is the last code, and all values are on codes: no gradient at all.
  CHECK(log2_t(*quantizer).grad().to_row_major() == std::vector<float>{0, 0, 0});
  CHECK_THROWS_WITH_AS(quantizer->calibratable()->calibrate(std::vector<ValueRange>{{-1.0, 1.0}}),
                       "layer.slot: tqt: expected 3 ranges or channels, got 1",
                       std::invalid_argument);
}

TEST_CASE("tqt activations: only the first nonzero batch decides") {
  const auto quantizer = make("tqt", kActivation);
  CHECK_THROWS_AS(quantizer->grid(), std::logic_error);
  pass(*quantizer, Tensor::zeros({2}));
  CHECK(quantizer->grid().scale == std::vector<float>{0.125f});  // t = 1
  pass(*quantizer, vector_of({0.25f, 3.0f}));
  CHECK(quantizer->grid().qmin == 0);
  CHECK(quantizer->grid().qmax == 15);
  CHECK(quantizer->grid().scale == std::vector<float>{0.25f});  // 4 / 2^4
  pass(*quantizer, vector_of({-20.0f, 20.0f}));
  quantizer->observe(vector_of({-20.0f, 20.0f}));
  CHECK(quantizer->grid().scale == std::vector<float>{0.25f});

  const auto with_sign = make("tqt", kActivation);
  pass(*with_sign, vector_of({-3.0f, 1.0f}));
  CHECK(with_sign->grid().qmin == -8);
  CHECK(with_sign->grid().scale == std::vector<float>{0.5f});  // 4 / 2^3
}

TEST_CASE("tqt: calibration initializes the threshold, and data do not change it") {
  const auto quantizer = make("tqt", kActivation);
  REQUIRE(quantizer->calibratable());
  quantizer->calibratable()->calibrate(std::vector<ValueRange>{{-0.75, 0.5}});
  CHECK(quantizer->grid().qmin == -8);
  CHECK(quantizer->grid().scale == std::vector<float>{0.125f});
  pass(*quantizer, vector_of({100.0f}));
  CHECK(log2_t(*quantizer).value().item() == std::log2(0.75f));
}

TEST_CASE("tqt: ceil applies to the stored log2 t, whatever its value") {
  CHECK(tqt_scale(1.0f, 3) == 0.25f);
  CHECK(tqt_scale(std::nextafter(1.0f, 2.0f), 3) == 0.5f);
  CHECK(tqt_scale(-0.5f, 0) == 1.0f);
  CHECK(tqt_scale(500.0f, 1) == 0x1p126f);
  const float smallest = std::numeric_limits<float>::min();
  CHECK(tqt_scale(-500.0f, 8) == smallest);
  const float scale = tqt_scale(NAN, 7);
  CHECK(std::isfinite(scale));
  CHECK(scale > 0.0f);
}

TEST_CASE("tqt: a diverging threshold is clamped after the step") {
  const auto quantizer = make("tqt", kWeight);
  pass(*quantizer, vector_of({1.0f, -1.0f}));
  for (const auto& [far, near] : {std::pair(INFINITY, 127.0f), std::pair(-1e9f, -126.0f)}) {
    set_log2_t(*quantizer, far);
    const std::uint64_t version = log2_t(*quantizer).value().version();
    quantizer->step(0);
    CHECK(log2_t(*quantizer).value().item() == near);
    CHECK(log2_t(*quantizer).value().version() > version);
    CHECK(all_finite(pass(*quantizer, vector_of({1.0f, -1.0f, 3e38f})).output));
  }
}

TEST_CASE("tqt: the gradient to the threshold pulls inward inside the range and outward beyond") {
  // s = 1/8: 0.3 is 2.4 steps and rounds down, 5 is beyond code 7, NaN is ignored.
  const auto gradient_of = [](float value) {
    const auto quantizer = make("tqt", kWeight);
    quantizer->calibratable()->calibrate(std::vector<ValueRange>{{-1.0, 1.0}});
    pass(*quantizer, vector_of({value}));
    return double{log2_t(*quantizer).grad().item()};
  };
  const double unit = std::log(2.0) / 8.0;
  CHECK(gradient_of(0.3f) == doctest::Approx(-0.4 * unit));
  CHECK(gradient_of(5.0f) == doctest::Approx(7.0 * unit));
  CHECK(gradient_of(-5.0f) == doctest::Approx(-8.0 * unit));
  CHECK(gradient_of(INFINITY) == doctest::Approx(7.0 * unit));
  CHECK(gradient_of(NAN) == 0.0);
}

TEST_CASE("tqt: unsupported settings and bits are rejected") {
  CHECK_THROWS_WITH_AS(make("tqt", {.bits = 1}),
                       "layer.slot: tqt: expected bits in 2..8 for weights, got 1",
                       std::invalid_argument);
  CHECK_THROWS_AS(make("tqt", kWeight, Settings::from({{"freeze_every", 0}})),
                  std::invalid_argument);
  CHECK_THROWS_AS(make("tqt", kWeight, Settings::from({{"init_weight", "4sd"}})),
                  std::invalid_argument);
  CHECK_THROWS_WITH_AS(make("tqt", kWeight)->load_state({}),
                       "layer.slot: expected state 'seen', got none", std::invalid_argument);
}

/// Slots of one network, trained by gradients that the test chooses.
struct Slots {
  std::vector<std::unique_ptr<Quantizer>> slots;

  Slots(std::size_t count, const SlotSpec& spec) {
    SharedInNetwork network;
    for (std::size_t i = 0; i < count; ++i) {
      slots.push_back(
          make("tqt", spec,
               Settings::from({{"freeze", true}, {"freeze_start", 4}, {"freeze_every", 2}})));
      slots.back()->begin_training({.total_steps = 12, .network = &network});
      slots.back()->observe(vector_of({-1.0f, 1.0f, 1.0f, -1.0f}).reshape({2, 2}));
    }
  }
  /// Plain descent at rate 1.
  void descend(std::int64_t step, const std::vector<std::vector<float>>& gradients,
               bool backwards = false) {
    for (std::size_t i = 0; i < slots.size(); ++i) {
      Variable trained = log2_t(*slots[i]);
      trained.zero_grad();
      vectors::backward(trained, vector_of(gradients[i]));
      trained.mutable_value().copy_from(subtract(trained.value(), trained.grad()));
    }
    for (std::size_t i = 0; i < slots.size(); ++i)
      slots[backwards ? slots.size() - 1 - i : i]->step(step);
  }
  float frozen(std::size_t i) const { return slots[i]->metrics()[1].second; }
};

TEST_CASE("tqt: one threshold freezes per interval, that of the smallest average |gradient|") {
  for (const bool backwards : {false, true}) {
    CAPTURE(backwards);
    Slots network(2, kWeight);
    // The first one's mean gradient is 0, its mean |gradient| is not.
    for (std::int64_t step = 0; step < 4; ++step) {
      CHECK(network.frozen(0) + network.frozen(1) == 0.0f);
      network.descend(step, {{step % 2 == 0 ? 0.02f : -0.02f}, {0.01f}}, backwards);
    }
    CHECK(network.frozen(0) == 0.0f);
    CHECK(network.frozen(1) == 1.0f);
    const float rest = log2_t(*network.slots[1]).value().item();
    network.descend(4, {{0.02f}, {0.5f}}, backwards);
    CHECK(network.frozen(0) == 0.0f);
    network.descend(5, {{0.02f}, {0.5f}}, backwards);
    CHECK(network.frozen(0) == 1.0f);
    CHECK(log2_t(*network.slots[1]).value().item() == rest);

    log2_t(*network.slots[1]).zero_grad();
    CHECK(pass(*network.slots[1], vector_of({0.3f})).gradient.item() == 1.0f);
    CHECK_FALSE(log2_t(*network.slots[1]).grad().defined());
  }
}

TEST_CASE("tqt: a threshold off the power of two of its average does not freeze") {
  Slots network(1, kWeight);
  set_log2_t(*network.slots[0], 0.75f);
  for (std::int64_t step = 0; step < 3; ++step) network.descend(step, {{0.0f}});
  network.descend(3, {{-0.5f}});  // 1.25, on average 0.875
  CHECK(network.frozen(0) == 0.0f);
  network.descend(4, {{0.375f}});  // 0.875
  network.descend(5, {{0.0f}});
  CHECK(network.frozen(0) == 1.0f);
}

TEST_CASE("tqt per channel: each threshold freezes separately, while the others train") {
  Slots network(1, {.bits = 4, .granularity = Granularity::per_channel, .channels = 2});
  for (std::int64_t step = 0; step < 4; ++step) network.descend(step, {{0.02f, 0.01f}});
  CHECK(network.frozen(0) == 0.5f);
  const std::vector<float> before = log2_t(*network.slots[0]).value().to_row_major();
  network.descend(4, {{0.02f, 0.01f}});
  const std::vector<float> after = log2_t(*network.slots[0]).value().to_row_major();
  CHECK(after[0] == before[0] - 0.02f);
  CHECK(after[1] == before[1]);
}

TEST_CASE("tqt: freezing resumes from saved state") {
  const auto gradients = [](std::int64_t step) {
    const auto s = static_cast<float>(step);
    return std::vector<std::vector<float>>{{0.03f * std::cos(s)}, {0.02f}, {0.04f * std::sin(s)}};
  };
  for (const std::int64_t killed : {2, 3, 5, 8}) {
    CAPTURE(killed);
    Slots whole(3, kWeight), first(3, kWeight), resumed(3, kWeight);
    for (std::int64_t step = 0; step < 12; ++step) {
      whole.descend(step, gradients(step));
      (step < killed ? first : resumed).descend(step, gradients(step));
      if (step + 1 != killed) continue;
      for (std::size_t i = 0; i < 3; ++i) {
        resumed.slots[i]->load_state(first.slots[i]->state());
        log2_t(*resumed.slots[i]).mutable_value().copy_from(log2_t(*first.slots[i]).value());
      }
    }
    for (std::size_t i = 0; i < 3; ++i) {
      CHECK(whole.frozen(i) == 1.0f);
      CHECK(same_bits(log2_t(*whole.slots[i]).value(), log2_t(*resumed.slots[i]).value()));
      CHECK(whole.slots[i]->state().at("freezing").to_row_major<double>() ==
            resumed.slots[i]->state().at("freezing").to_row_major<double>());
    }
  }
}

}  // namespace
}  // namespace quench::quant
