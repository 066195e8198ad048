#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <set>

#include "core/parallel.h"
#include "quant/fixture.h"

// What every registered strategy has to keep, whatever it does in training.

namespace quench::quant {
namespace {

struct Variant {
  std::string name;
  QuantizerSpec spec;
};

std::string describe(const Variant& variant) {
  return fmt::format(
      "{} {} {} bits {}", variant.name, variant.spec.role == Role::weight ? "weight" : "activation",
      variant.spec.bits,
      variant.spec.granularity == Granularity::per_channel ? "per_channel" : "per_tensor");
}

void for_each_variant(const std::function<void(const Variant&)>& body) {
  for (const StrategyInfo& info : registered_quantizers()) {
    for (int bits = 1; bits <= 8; ++bits) {
      for (const auto& [role, granularity] :
           {std::pair(Role::weight, Granularity::per_tensor),
            std::pair(Role::weight, Granularity::per_channel),
            std::pair(Role::activation, Granularity::per_tensor)}) {
        const BitRange range = info.bits(role);
        if (bits < range.min || bits > range.max) continue;
        if (granularity == Granularity::per_channel && !info.per_channel) continue;
        const Variant variant{
            info.name, {.role = role, .bits = bits, .granularity = granularity, .channels = 6}};
        CAPTURE(describe(variant));
        body(variant);
      }
    }
  }
}

constexpr std::int64_t kSteps = 8;

/// As a checkpoint does with trained values.
void copy_parameters(Quantizer& from, Quantizer& to) {
  const auto source = from.parameters(), target = to.parameters();
  REQUIRE(source.size() == target.size());
  for (std::size_t i = 0; i < source.size(); ++i) {
    Variable value = target[i].second;
    value.mutable_value().copy_from(source[i].second.value());
    value.mutable_value().bump_version();
  }
}

/// The quantizer after `steps` of a training run of kSteps.
std::unique_ptr<Quantizer> trained(const Variant& variant, std::int64_t steps) {
  auto quantizer = make(variant.name, variant.spec);
  quantizer->begin_training({.total_steps = kSteps, .steps_per_epoch = kSteps});
  for (std::int64_t step = 0; step < steps; ++step) {
    pass(*quantizer, random_tensor({6, 3, 2, 2}, 10 + static_cast<std::uint64_t>(step)));
    quantizer->step(step);
  }
  return quantizer;
}

std::vector<std::pair<std::string, Tensor>> finite_tensors() {
  Tensor empty_channel = random_tensor({6, 3, 2, 2}, 1);
  std::fill_n(empty_channel.data() + 12, 12, 0.0f);  // channel 1
  Tensor mixed = random_tensor({6, 3, 2, 2}, 2);
  mixed.data()[0] = 1e38f;
  mixed.data()[1] = -1e-38f;
  return {{"normal", random_tensor({6, 3, 2, 2}, 3)},
          {"matrix", random_tensor({6, 11}, 4)},
          {"zeros", Tensor::zeros({6, 3, 2, 2})},
          {"constant", Tensor::full({6, 3, 2, 2}, 0.375f)},
          {"negative", Tensor::full({6, 3, 2, 2}, -2.0f)},
          {"huge", random_tensor({6, 3, 2, 2}, 5, 1e37f)},
          {"tiny", random_tensor({6, 3, 2, 2}, 6, 1e-37f)},
          {"empty channel", empty_channel},
          {"mixed", mixed}};
}

/// The level nearest to `steps`, the upper one on ties.
float naive_level(double steps, const std::vector<std::int32_t>& levels) {
  const double reached = std::fmin(std::fmax(steps, levels.front()), levels.back());
  std::int32_t nearest = levels.front();
  for (const std::int32_t level : levels) {
    if (std::abs(reached - level) <= std::abs(reached - nearest)) nearest = level;
  }
  return static_cast<float>(nearest);
}

/// q - zero_point, element by element as grid.h defines it.
float naive_code(float x, const QuantGrid& grid, std::size_t channel) {
  if (grid.binary()) return x < 0.0f ? -1.0f : 1.0f;
  if (std::isnan(x)) return 0.0f;
  if (!grid.levels.empty())
    return naive_level((x - grid.offset) / grid.scale[channel], grid.levels);
  const float shifted = std::nearbyint((x - grid.offset) / grid.scale[channel]) +
                        static_cast<float>(grid.zero_point[channel]);
  const float q =
      std::fmin(std::fmax(shifted, static_cast<float>(grid.qmin)), static_cast<float>(grid.qmax));
  return q - static_cast<float>(grid.zero_point[channel]);
}

/// Strategies whose integers are not the nearest ones: their own tests say which they are.
bool has_own_codes(const Quantizer& quantizer) {
  static const std::set<std::pair<std::string, Role>> names{
      {"apot", Role::weight}, {"dorefa", Role::weight}, {"dorefa", Role::activation}};
  return names.contains({quantizer.method(), quantizer.role()});
  static const std::set<std::string> names{"twn"};
  return names.contains(quantizer.method());
}

void check_promise(Quantizer& quantizer, const Tensor& x) {
  const Tensor y = quantizer.forward(Variable(x, true)).value();
  const auto codes = quantizer.codes(x);
  REQUIRE(codes);
  const QuantGrid grid = quantizer.grid();
  CHECK(grid == codes->grid);
  check_grid(grid, x.shape());
  CHECK(grid.bits == quantizer.bits());

  const std::size_t slice = static_cast<std::size_t>(x.numel()) / grid.scale.size();
  bool on_grid = true, equal = true, as_defined = true;
  for (std::size_t i = 0; i < static_cast<std::size_t>(x.numel()); ++i) {
    const float code = codes->values.data()[i];
    const std::size_t channel = i / slice;
    const float q = code + static_cast<float>(grid.zero_point[channel]);
    on_grid = on_grid && code == std::nearbyint(code) && q >= static_cast<float>(grid.qmin) &&
              q <= static_cast<float>(grid.qmax);
    equal = equal && y.data()[i] == grid.scale[channel] * code + grid.offset;
    as_defined = as_defined && code == naive_code(x.data()[i], grid, channel);
  }
  CHECK(on_grid);
  CHECK(equal);
  CHECK((as_defined || has_own_codes(quantizer)));
}

TEST_CASE("evaluation equals dequantize(quantize(x)), exactly, early, midway and after training") {
  for_each_variant([](const Variant& variant) {
    for (const std::int64_t steps : {std::int64_t{1}, kSteps / 2, kSteps}) {
      const auto quantizer = trained(variant, steps);
      if (!quantizer->quantizes()) return;
      quantizer->set_mode(Mode::evaluation);
      for (const auto& [name, x] : finite_tensors()) {
        CAPTURE(name);
        check_promise(*quantizer, x);
      }
    }
  });
}

TEST_CASE("evaluation leaves an activation's grid alone and takes NaN and infinities") {
  for_each_variant([](const Variant& variant) {
    if (variant.spec.role == Role::weight) return;
    const auto quantizer = trained(variant, kSteps);
    if (!quantizer->quantizes()) return;
    const QuantGrid before = quantizer->grid();
    quantizer->set_mode(Mode::evaluation);
    Tensor x = random_tensor({6, 3, 2, 2}, 7, 100.0f);
    x.data()[0] = std::numeric_limits<float>::quiet_NaN();
    x.data()[1] = std::numeric_limits<float>::infinity();
    x.data()[2] = -std::numeric_limits<float>::infinity();
    check_promise(*quantizer, x);
    CHECK(quantizer->grid() == before);
  });
}

TEST_CASE("a weight with NaN has no scale: the error names the slot") {
  for (const char* name : {"ste", "ab"}) {
    const auto quantizer = make(name, {.bits = 4, .slot = "conv2.weight"});
    quantizer->set_mode(Mode::evaluation);
    Tensor w = random_tensor({2, 3}, 1);
    w.data()[4] = std::numeric_limits<float>::quiet_NaN();
    CHECK_THROWS_WITH_AS(
        quantizer->forward(Variable(w)),
        "conv2.weight: expected finite values, got NaN or infinity in shape [2, 3]",
        std::invalid_argument);
  }
}

TEST_CASE("training gives finite values and gradients of the right shape") {
  for_each_variant([](const Variant& variant) {
    const auto quantizer = trained(variant, kSteps / 2);
    for (const auto& [name, x] : finite_tensors()) {
      if (name == "huge" || name == "mixed") continue;  // their averages reach into inf
      CAPTURE(name);
      const Pass result = pass(*quantizer, x, random_tensor(x.shape(), 8));
      CHECK(result.output.shape() == x.shape());
      CHECK(result.gradient.shape() == x.shape());
      CHECK(all_finite(result.output));
      CHECK(all_finite(result.gradient));
    }
  });
}

TEST_CASE("a quantizer made anew goes on from saved state, bit for bit") {
  for_each_variant([](const Variant& variant) {
    for (const std::int64_t steps : {std::int64_t{0}, kSteps / 2, kSteps}) {
      const auto first = trained(variant, steps);
      const auto second = make(variant.name, variant.spec);
      second->begin_training({.total_steps = kSteps, .steps_per_epoch = kSteps});
      second->load_state(first->state());
      copy_parameters(*first, *second);
      for (std::int64_t step = steps; step < kSteps + 2; ++step) {
        const Tensor x = random_tensor({6, 3, 2, 2}, 30 + static_cast<std::uint64_t>(step));
        const Pass a = pass(*first, x), b = pass(*second, x);
        CHECK(same_bits(a.output, b.output));
        CHECK(same_bits(a.gradient, b.gradient));
        CHECK(first->step_scale() == second->step_scale());
        first->step(step);
        second->step(step);
      }
    }
  });
}

TEST_CASE("the number of threads changes no bit") {
  const int before = num_threads();
  for_each_variant([](const Variant& variant) {
    if (variant.spec.bits != 1 && variant.spec.bits != 4) return;
    std::vector<Pass> passes;
    for (const int threads : {1, 3}) {
      set_num_threads(threads);
      const auto quantizer = trained(variant, kSteps / 2);
      passes.push_back(pass(*quantizer, random_tensor({6, 40, 30, 10}, 9)));
    }
    CHECK(same_bits(passes[0].output, passes[1].output));
    CHECK(same_bits(passes[0].gradient, passes[1].gradient));
  });
  set_num_threads(before);
}

TEST_CASE("bypass and \"none\" hand back the very tensor") {
  for_each_variant([](const Variant& variant) {
    const auto quantizer = make(variant.name, variant.spec);
    const Tensor x = random_tensor({6, 2}, 1);
    quantizer->set_mode(Mode::bypass);
    CHECK(quantizer->forward(Variable(x)).value().shares_storage_with(x));
    CHECK_FALSE(quantizer->codes(x));
    if (!quantizer->quantizes()) CHECK_THROWS_AS(quantizer->grid(), std::logic_error);
  });
}

}  // namespace
}  // namespace quench::quant
