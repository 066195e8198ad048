// Information about the run that a quantizer needs before it trains.

#include <doctest/doctest.h>

#include <algorithm>
#include <stdexcept>

#include "quant/fixture.h"

namespace quench::quant {
namespace {

struct Slot {
  const char* method;
  SlotSpec spec;
  Settings settings = {};
};

const SlotSpec kActivation{.role = Role::activation, .bits = 4};

std::unique_ptr<Quantizer> made(const Slot& slot) {
  return make(slot.method, slot.spec, slot.settings);
}

TEST_CASE("quantizers with a schedule or a seed do not train before begin_training") {
  const Settings stochastic = Settings::from({{"sampling", "stochastic"}});
  for (const Slot& slot :
       {Slot{"ab", {.bits = 4}}, Slot{"ab", {.bits = 1}}, Slot{"ab", kActivation},
        Slot{"ab", {.role = Role::activation, .bits = 1}}, Slot{"noise", {.bits = 4}},
        Slot{"noise", kActivation, Settings::from({{"quantize_from", 0.5}})},
        Slot{"ste", {.bits = 1}, stochastic},
        Slot{"affine", kActivation, Settings::from({{"quant_delay", 0.5}})},
        Slot{"symmetric", kActivation, Settings::from({{"quant_delay", 10.0}})},
        Slot{"tqt", {.bits = 4}, Settings::from({{"freeze", true}})},
        Slot{"tqt", kActivation, Settings::from({{"freeze", true}})}}) {
    CAPTURE(slot.method);
    const Tensor x = random_tensor({4, 3}, 1);
    const auto quantizer = made(slot);
    const std::string message =
        std::string("layer.slot: ") + slot.method +
        " needs the run's plan to train: call begin_training() before the first step";
    CHECK_THROWS_WITH_AS(quantizer->forward(Variable(x)), message.c_str(), std::logic_error);
    quantizer->observe(x);
    quantizer->set_mode(Mode::evaluation);
    CHECK_NOTHROW(quantizer->forward(Variable(x)));
    quantizer->set_mode(Mode::training);
    quantizer->begin_training({.total_steps = 10});
    CHECK_NOTHROW(quantizer->forward(Variable(x)));
  }
}

TEST_CASE("settings without a schedule need no plan") {
  for (const Slot& slot :
       {Slot{"noise", {.bits = 4}, Settings::from({{"quantize_from", 0.0}})},
        Slot{"ste", {.bits = 1}}, Slot{"affine", kActivation}, Slot{"tqt", kActivation}}) {
    CAPTURE(slot.method);
    CHECK_NOTHROW(made(slot)->forward(Variable(random_tensor({4, 3}, 1))));
  }
}

TEST_CASE("a run has at least one step") {
  CHECK_THROWS_WITH_AS(make("ab", {.bits = 4})->begin_training({}),
                       "layer.slot: ab: expected a run of at least 1 step, got 0",
                       std::invalid_argument);
}

/// The last of three passes, with a run's information.
Pass third_pass(Quantizer& quantizer) {
  for (std::int64_t step = 0; step < 2; ++step) {
    pass(quantizer, random_tensor({6, 8}, static_cast<std::uint64_t>(step)));
    quantizer.step(step);
  }
  return pass(quantizer, random_tensor({6, 8}, 2));
}

TEST_CASE("every method: one that trains without a plan trains identically with one") {
  for (const StrategyInfo& info : registered_quantizers()) {
    for (const Role role : {Role::weight, Role::activation}) {
      if (!info.has(role)) continue;
      CAPTURE(info.name);
      const SlotSpec spec{.role = role, .bits = info.bits(role).min, .channels = 6};
      const auto untold = make(info.name, spec), told = make(info.name, spec);
      if (untold->planned() != nullptr) continue;
      told->begin_training(
          {.total_steps = 3, .steps_per_epoch = 3, .adaptive_optimizer = true, .seed = 5});
      const Pass a = third_pass(*untold), b = third_pass(*told);
      CHECK(same_bits(a.output, b.output));
      CHECK(same_bits(a.gradient, b.gradient));
    }
  }
}

}  // namespace
}  // namespace quench::quant
