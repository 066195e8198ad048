#include "quant/strategies/fat.h"

#include <doctest/doctest.h>

#include <cmath>

#include "quant/fixture.h"
#include "quant/strategies/fat_range.h"

namespace quench::quant {
namespace {

const SlotSpec kWeight{.bits = 4};
const SlotSpec kActivation{.role = Role::activation, .bits = 4};

void set_factor(Quantizer& quantizer, std::size_t i, float value) {
  Variable factor = quantizer.parameters()[i].second;
  factor.mutable_value().copy_from(Tensor::full(factor.shape(), value));
}
float factor(Quantizer& quantizer, std::size_t i) {
  return quantizer.parameters()[i].second.value().data()[0];
}

TEST_CASE("fat: the first data that are not all zeros give the threshold, per tensor or channel") {
  const auto activation = make("fat", kActivation);
  CHECK_THROWS_AS(activation->grid(), std::logic_error);
  pass(*activation, Tensor::zeros({2}));
  CHECK(activation->grid().scale == std::vector<float>{1.0f});
  pass(*activation, vector_of({0.0f, 30.0f}));
  pass(*activation, vector_of({-9.0f, 70.0f}));
  CHECK(activation->grid().qmin == 0);
  CHECK(activation->grid().scale == std::vector<float>{2.0f});  // 30 / 15

  const auto weight =
      make("fat", {.bits = 4, .granularity = Granularity::per_channel, .channels = 2});
  const Tensor w = Tensor::from_row_major<float>({2, 2}, std::vector{-7.0f, 3.0f, 1.0f, 14.0f});
  pass(*weight, w);
  CHECK(weight->grid().scale == std::vector<float>{1.0f, 2.0f});
  CHECK(weight->grid().qmin == -7);
  CHECK_THROWS_WITH_AS(weight->calibratable()->calibrate(std::vector<ValueRange>{{-1.0, 1.0}}),
                       "layer.slot: fat: expected 2 ranges or channels, got 1",
                       std::invalid_argument);
}

TEST_CASE(
    "fat: a factor beyond its limits counts as the limit and gets no gradient, unless clamped") {
  for (const bool clamp : {false, true}) {
    CAPTURE(clamp);
    const auto quantizer = make("fat", kWeight, Settings::from({{"clamp", clamp}}));
    quantizer->calibratable()->calibrate(std::vector<ValueRange>{{-7.0, 7.0}});
    set_factor(*quantizer, 0, 0.25f);
    CHECK(quantizer->grid().scale == std::vector<float>{0.5f});
    pass(*quantizer, vector_of({50.0f}));
    CHECK(quantizer->parameters()[0].second.grad().item() == 0.0f);
    quantizer->step(0);
    CHECK(factor(*quantizer, 0) == (clamp ? 0.5f : 0.25f));
  }
}

TEST_CASE("fat: untrained factors are not parameters") {
  const auto quantizer = make("fat", kWeight, Settings::from({{"train_thresholds", false}}));
  CHECK(quantizer->parameters().empty());
  CHECK(pass(*quantizer, vector_of({-7.0f, 2.0f})).gradient.to_row_major() ==
        std::vector<float>{1, 1});
}

TEST_CASE("fat asymmetric: the range follows both factors, but always contains 0") {
  const auto quantizer = make("fat", kActivation, Settings::from({{"mode", "asymmetric"}}));
  quantizer->calibratable()->calibrate(std::vector<ValueRange>{{-5.0, 10.0}});
  CHECK(quantizer->grid().scale[0] == doctest::Approx(1.0));
  CHECK(quantizer->grid().zero_point == std::vector<std::int32_t>{5});
  set_factor(*quantizer, 0, -0.2f);
  CHECK(quantizer->grid().zero_point == std::vector<std::int32_t>{8});
  set_factor(*quantizer, 0, 0.4f);  // would start at 1
  CHECK(quantizer->grid().zero_point == std::vector<std::int32_t>{0});
  pass(*quantizer, vector_of({-4.0f, 40.0f}));
  CHECK(quantizer->parameters()[0].second.grad().item() == 0.0f);
  CHECK(quantizer->parameters()[1].second.grad().item() == doctest::Approx(15.0));

  // [-10, 0] shifted by -2 and halved would end at -7: it ends at 0.
  const FatRange range = fat_range({-10.0, 0.0}, -0.2f, 0.5f, {}, 4);
  CHECK(range.low == -5.0);
  CHECK(range.first_code == -15.0f);
  CHECK(range.dlow_dr == -10.0);
  // A range from 0 is not shifted.
  CHECK(fat_range({0.0, 8.0}, -0.1f, 1.0f, {}, 4).low == 0.0);
  CHECK(fat_range({0.0, 0.0}, 0.0f, 1.0f, {}, 4).scale == 1.0f);
}

/// The range with the factors changed by these amounts, and y for a value beyond its upper end.
double upper_end(double shift, double widening) {
  const FatRange range = fat_range({-3.0, 5.0}, static_cast<float>(0.1 + shift),
                                   static_cast<float>(0.75 + widening), {}, 8);
  // The zero code is rounded, which the straight-through gradient does not see.
  return range.low + range.width;
}

TEST_CASE("fat asymmetric: outside the range, gradients are those of its ends") {
  const auto quantizer =
      make("fat", {.role = Role::activation, .bits = 8}, Settings::from({{"mode", "asymmetric"}}));
  quantizer->calibratable()->calibrate(std::vector<ValueRange>{{-3.0, 5.0}});
  set_factor(*quantizer, 0, 0.1f);
  set_factor(*quantizer, 1, 0.75f);
  pass(*quantizer, vector_of({100.0f}));
  const auto trained = quantizer->parameters();
  const double h = 1.0 / 64.0;
  CHECK(double{trained[0].second.grad().item()} ==
        doctest::Approx((upper_end(h, 0) - upper_end(-h, 0)) / (2 * h)).epsilon(1e-4));
  // Rounding the zero code moves the end by less than a step, 6 / 255.
  CHECK(double{trained[1].second.grad().item()} ==
        doctest::Approx((upper_end(0, h) - upper_end(0, -h)) / (2 * h)).epsilon(1e-2));
}

TEST_CASE("fat pointwise: each weight has a factor, and evaluation quantizes the product") {
  const Settings settings = Settings::from({{"pointwise", true}, {"clamp", true}});
  const auto quantizer = make("fat", {.bits = 4, .shape = {2, 2}}, settings);
  const Tensor w = vector_of({7.0f, -4.0f, 2.0f, 1.0f}).reshape({2, 2});
  pass(*quantizer, w);
  Variable m = quantizer->parameters()[1].second;
  CHECK(quantizer->parameters()[1].first == "m");
  m.mutable_value().copy_from(vector_of({0.8f, 1.25f, 2.0f, 0.1f}).reshape({2, 2}));
  m.zero_grad();
  const Pass result = pass(*quantizer, w);
  CHECK(result.output.to_row_major() == std::vector<float>{6, -5, 2, 1});
  CHECK(result.gradient.to_row_major() == std::vector<float>{0.8f, 1.25f, 1.25f, 0.75f});
  CHECK(m.grad().to_row_major() == std::vector<float>{7, -4, 0, 0});
  quantizer->step(0);
  CHECK(m.value().to_row_major() == std::vector<float>{0.8f, 1.25f, 1.25f, 0.75f});
  quantizer->set_mode(Mode::evaluation);
  CHECK(same_bits(quantizer->forward(Variable(w)).value(), result.output));
  CHECK_THROWS_WITH_AS(
      make("fat", kWeight, settings),
      "layer.slot: fat: expected the weight's shape for pointwise = true, got none",
      std::invalid_argument);
}

TEST_CASE("fat: every form resumes from saved state") {
  for (const char* mode : {"symmetric", "asymmetric"}) {
    CAPTURE(mode);
    const Settings settings = Settings::from({{"mode", mode}, {"pointwise", true}});
    const SlotSpec spec{
        .bits = 3, .granularity = Granularity::per_channel, .channels = 4, .shape = {4, 5}};
    const auto first = make("fat", spec, settings), second = make("fat", spec, settings);
    const Tensor w = random_tensor({4, 5}, 1);
    pass(*first, w);
    second->load_state(first->state());
    for (auto* quantizer : {first.get(), second.get()}) set_factor(*quantizer, 0, 0.3f);
    const Tensor later = random_tensor({4, 5}, 2, 3.0f);
    const Pass a = pass(*first, later), b = pass(*second, later);
    CHECK(same_bits(a.output, b.output));
    CHECK(same_bits(a.gradient, b.gradient));
    CHECK(first->grid() == second->grid());
  }
}

TEST_CASE("fat: unsupported settings and bits are rejected") {
  CHECK_THROWS_WITH_AS(make("fat", {.bits = 1}),
                       "layer.slot: fat: expected bits in 2..8 for weights, got 1",
                       std::invalid_argument);
  CHECK_THROWS_AS(make("fat", kWeight, Settings::from({{"alpha_min", 0.0}})),
                  std::invalid_argument);
  CHECK_THROWS_AS(make("fat", kWeight, Settings::from({{"shift_min", 0.5}})),
                  std::invalid_argument);
  CHECK_THROWS_WITH_AS(make("fat", kWeight)->load_state({}),
                       "layer.slot: expected state 'range', got none", std::invalid_argument);
}

}  // namespace
}  // namespace quench::quant
