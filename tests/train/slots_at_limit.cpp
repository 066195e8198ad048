#include "train/slots_at_limit.h"

#include <doctest/doctest.h>

#include "layers/attach_quantizers.h"
#include "layers/composite.h"
#include "layers/linear.h"
#include "layers/quantized_layer.h"

namespace quench::train {
namespace {

/// Two layers by LSQ, the second with a step per channel.
std::unique_ptr<layers::Sequential> two_layers() {
  Random random(2, "test");
  auto network = std::make_unique<layers::Sequential>();
  for (const char* name : {"fc1", "fc2"})
    network->append(name, std::make_shared<layers::Linear>(
                              layers::LinearOptions{.in_features = 6, .out_features = 6}, random));
  const auto quant = [](const char* granularity) {
    return Settings::from({{"method", "lsq"}, {"bits", 4}, {"granularity", granularity}});
  };
  Settings settings = quant("per_channel");
  settings.set("first_layer", quant("per_tensor"));
  layers::attach_quantizers(*network, quant::Policy(settings));
  (*network)(Variable(Tensor::full({2, 6}, 1.0f)));
  return network;
}

/// As if an optimizer had brought `count` values of a slot's step below the floor, the others to 0.1.
void step_to_floor(quant::Quantizer& quantizer, std::size_t count) {
  Variable scale = quantizer.parameters()[0].second;
  const std::span<float> values = scale.mutable_value().span();
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = i < count ? -1.0f : 0.1f;
  scale.mutable_value().bump_version();
  quantizer.step(0);
}

TEST_CASE("slots at limit: each since the first step of those that left it there") {
  const auto network = two_layers();
  quant::Quantizer& first = network->quantized_layers()[0]->weight_quantizer();
  quant::Quantizer& second = network->quantized_layers()[1]->weight_quantizer();
  SlotsAtLimit slots;
  update_slots_at_limit(*network, {1, 1}, slots);
  CHECK(slots.empty());
  step_to_floor(first, 1);
  update_slots_at_limit(*network, {1, 2}, slots);
  step_to_floor(second, 2);
  update_slots_at_limit(*network, {2, 1}, slots);
  CHECK(slots == SlotsAtLimit{{"fc1.weight", {1, 2}}, {"fc2.weight", {2, 1}}});
  step_to_floor(first, 0);
  update_slots_at_limit(*network, {2, 2}, slots);
  CHECK(slots == SlotsAtLimit{{"fc2.weight", {2, 1}}});
  step_to_floor(first, 1);
  update_slots_at_limit(*network, {2, 3}, slots);
  CHECK(slots == SlotsAtLimit{{"fc1.weight", {2, 3}}, {"fc2.weight", {2, 1}}});
}

TEST_CASE("slots at limit: the warning names slots, channels and the step") {
  const std::string advice =
      "; it hardly trains from there, and a smaller optimizer.lr or optimizer.quantizer_lr_scale "
      "may "
      "avoid it";
  const auto network = two_layers();
  CHECK(limit_warnings(*network, {}).empty());
  step_to_floor(network->quantized_layers()[1]->weight_quantizer(), 2);
  CHECK(limit_warnings(*network, {}) ==
        std::vector<std::string>{"WARNING: lsq: scale at its floor in 1 slot: fc2.weight (2 of 6)" +
                                 advice});
  step_to_floor(network->quantized_layers()[0]->weight_quantizer(), 1);
  const SlotsAtLimit since{{"fc1.weight", {3, 5}}, {"fc2.weight", {1, 7}}};
  CHECK(
      limit_warnings(*network, since) ==
      std::vector<std::string>{"WARNING: lsq: scale at its floor in 2 slots since epoch 1, step 7 "
                               "and later: fc1.weight, fc2.weight (2 of 6)" +
                               advice});
  // Those that were told before are left out.
  CHECK(
      limit_warnings(*network, since, {{"fc2.weight", {1, 7}}}) ==
      std::vector<std::string>{
          "WARNING: lsq: scale at its floor in 1 slot since epoch 3, step 5: fc1.weight" + advice});
}

}  // namespace
}  // namespace quench::train
