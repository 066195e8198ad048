#include "quant/conformance/conformance.h"

#include <doctest/doctest.h>

#include <cmath>
#include <set>

#include "core/ops/reduce.h"
#include "quant/code.h"
#include "quant/fixture.h"
#include "quant/parts/straight_through.h"
#include "support/error.h"

namespace quench::quant {
namespace {

TEST_CASE("every registered strategy keeps the promises of a quantizer") {
  for (const StrategyInfo& info : registered_quantizers()) {
    for (const PromiseCheck& check : check_promise(info.name)) {
      INFO(info.name << ": " << check.name << ": " << check.failure);
      CHECK(check.failure.empty());
    }
  }
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
  if (!grid.levels.empty())
    return naive_level((x - grid.offset) / grid.scale[channel], grid.levels);
  const float shifted = std::nearbyint((x - grid.offset) / grid.scale[channel]) +
                        static_cast<float>(grid.zero_point[channel]);
  const float q =
      std::fmin(std::fmax(shifted, static_cast<float>(grid.qmin)), static_cast<float>(grid.qmax));
  return q - static_cast<float>(grid.zero_point[channel]);
}

/// Strategies whose integers are not the nearest ones; they have their own tests.
bool has_own_codes(const std::string& name, Role role) {
  static const std::set<std::pair<std::string, Role>> strategies{{"apot", Role::weight},
                                                                 {"dorefa", Role::weight},
                                                                 {"dorefa", Role::activation},
                                                                 {"twn", Role::weight}};
  return strategies.contains({name, role});
}

void check_nearest_codes(const StrategyInfo& info, Role role, int bits) {
  CAPTURE(info.name);
  CAPTURE(bits);
  const auto quantizer = make(info.name, {.role = role, .bits = bits, .channels = 6});
  if (!quantizer->quantizes()) return;
  quantizer->begin_training({.total_steps = 4, .steps_per_epoch = 4});
  pass(*quantizer, random_tensor({6, 20}, 1));
  quantizer->set_mode(Mode::evaluation);
  const Tensor x = random_tensor({6, 20}, 2, 2.0f);
  const auto codes = quantizer->codes(x);
  REQUIRE(codes);
  for (std::size_t i = 0; i < 120; ++i)
    CHECK(codes->values.data()[i] == naive_code(x.data()[i], codes->grid, 0));
}

TEST_CASE("codes are the integers nearest to the values") {
  for (const StrategyInfo& info : registered_quantizers()) {
    for (const Role role : {Role::weight, Role::activation}) {
      if (!info.has(role) || has_own_codes(info.name, role)) continue;
      for (int bits = std::max(info.bits(role).min, 1); bits <= info.bits(role).max; ++bits)
        check_nearest_codes(info, role, bits);
    }
  }
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

enum class Fault { none, off_grid, takes_nan, other_gradient, dead_value, forgets };

/// A 3-bit grid with a step of a quarter and up to an eighth more, the farther the first values lay
/// from 0.
class FaultyQuantizer final : public Quantizer {
 public:
  FaultyQuantizer(const SlotSpec& spec, Fault fault) : Quantizer(spec), fault_(fault) {}

  QuantGrid grid() const override {
    QuantGrid grid = signed_full_grid(bits());
    grid.scale[0] = 0.25f + level_;
    return grid;
  }
  Tensor quantize(const Tensor& x) const override {
    Tensor codes = centered_codes(x, grid());
    if (fault_ == Fault::off_grid) codes.data()[3] = 2.5f;
    return codes;
  }
  void observe(const Tensor& x) override {
    if (fault_ != Fault::takes_nan) require(all_finite(x), "{}: expected finite values", slot());
    const float seen = std::abs(x.data()[4]);
    level_ = 0.5f * level_ + 0.0625f * (seen > 1.0f ? 1.0f : seen);
  }
  std::vector<std::pair<std::string, Variable>> parameters() override {
    if (fault_ != Fault::dead_value) return {};
    return {{"dead", dead_}};
  }
  SavedState state() const override {
    return {{"level", state_number(fault_ == Fault::forgets ? 0.0 : double{level_})}};
  }
  void load_state(const SavedState& state) override {
    level_ = static_cast<float>(state_number(state, "level", slot()));
  }

 protected:
  Variable train_forward(const Variable& x) override {
    observe(x.value());
    const float scale = grid().scale[0];
    const CodeRange range = centered_range(grid());
    const float gain = fault_ == Fault::other_gradient ? 0.5f : 1.0f;
    return map_straight_through(x, {scale * range.low, scale * range.high}, gain,
                                [=](float v) { return scale * integer_code(v, scale, range); });
  }

 private:
  Fault fault_;
  float level_ = 0.0f;
  Variable dead_{Tensor::scalar(1.0f), true};
};

/// The check that catches a method with this fault; empty if none does.
std::string caught_by(const std::string& name, Fault fault) {
  register_quantizer(
      {.name = name,
       .summary = "a method with a fault",
       .weight_bits = {0, 0},
       .activation_bits = {3, 3},
       .activation_gradient = Estimator::window},
      [fault](const SlotSpec& spec) { return std::make_unique<FaultyQuantizer>(spec, fault); });
  std::string checks;
  for (const PromiseCheck& check : check_promise(name))
    if (!check.failure.empty()) checks += check.name + "; ";
  return checks;
}

TEST_CASE("the check of each promise catches a method that breaks it") {
  CHECK(caught_by("faultless", Fault::none).empty());
  CHECK(caught_by("off_grid", Fault::off_grid) ==
        "evaluation equals the exported grid; evaluation keeps an activation's grid; ");
  CHECK(caught_by("takes_nan", Fault::takes_nan) == "NaN is rejected, or harmless; ");
  CHECK(caught_by("other_gradient", Fault::other_gradient) ==
        "gradients match the stated estimator; ");
  CHECK(caught_by("dead_value", Fault::dead_value) == "trained values have gradients and effect; ");
  CHECK(caught_by("forgets", Fault::forgets) == "loaded state continues bit-exactly; ");
}

}  // namespace
}  // namespace quench::quant
