#include "quant/conformance/variant.h"

#include <algorithm>

#include "autograd/node.h"
#include "core/random.h"
#include "support/error.h"

namespace quench::quant {
namespace {

/// L = sum upstream * y, whose gradient at y is the upstream itself.
struct WeightedSumNode final : Node {
  Tensor upstream;
  explicit WeightedSumNode(Tensor upstream_in) : upstream(std::move(upstream_in)) {}
  std::string_view name() const override { return "weighted_sum"; }
  std::vector<Tensor> backward(const Tensor&) const override { return {upstream}; }
};

}  // namespace

std::string PromiseVariant::text() const {
  return fmt::format("{}, {} bits, {}", spec.role == Role::weight ? "weight" : "activation",
                     spec.bits,
                     spec.granularity == Granularity::per_channel ? "per_channel" : "per_tensor");
}

std::unique_ptr<Quantizer> PromiseVariant::make() const {
  auto quantizer = make_quantizer(spec);
  quantizer->begin_training({.total_steps = kSteps, .steps_per_epoch = kSteps});
  return quantizer;
}

std::unique_ptr<Quantizer> PromiseVariant::trained(std::int64_t steps) const {
  auto quantizer = make();
  for (std::int64_t step = 0; step < steps; ++step) {
    pass(*quantizer, random_tensor(kPromiseShape, 10 + static_cast<std::uint64_t>(step)), ones());
    move_parameters(*quantizer);
    quantizer->step(step);
  }
  return quantizer;
}

std::vector<PromiseVariant> variants_of(const Strategy& strategy) {
  std::vector<PromiseVariant> variants;
  for (const Role role : {Role::weight, Role::activation}) {
    const BitRange range = strategy.info.bits(role);
    for (int bits = std::max(range.min, 1); bits <= range.max; ++bits) {
      SlotSpec spec{.strategy = &strategy,
                    .role = role,
                    .bits = bits,
                    .channels = kPromiseShape[0],
                    .slot = PromiseVariant::kSlot};
      variants.push_back({spec});
      if (role == Role::activation || !strategy.info.per_channel) continue;
      spec.granularity = Granularity::per_channel;
      variants.push_back({spec});
    }
  }
  return variants;
}

Tensor random_tensor(const Shape& shape, std::uint64_t seed, float scale) {
  Tensor out(shape);
  Random random(seed, "promise");
  for (float& value : out.span()) value = scale * random.normal();
  return out;
}

Tensor ones() { return Tensor::full(kPromiseShape, 1.0f); }

PromisePass pass(Quantizer& quantizer, const Tensor& x, const Tensor& upstream) {
  for (auto& [name, value] : quantizer.parameters()) value.zero_grad();
  const Variable leaf(x, true);
  const Variable y = quantizer.forward(leaf);
  if (y.requires_grad()) {
    record<WeightedSumNode>({y}, Tensor::scalar(0.0f), upstream).backward();
  }
  return {y.value(), leaf.grad().defined() ? leaf.grad() : Tensor::zeros(x.shape())};
}

void move_parameters(Quantizer& quantizer) {
  for (auto& [name, value] : quantizer.parameters()) {
    if (!value.grad().defined()) continue;
    const Tensor& grad = value.grad();
    for (std::int64_t i = 0; i < grad.numel(); ++i)
      value.mutable_value().data()[i] -= 1e-3f * std::clamp(grad.data()[i], -1.0f, 1.0f);
    value.mutable_value().bump_version();
  }
}

std::vector<PromiseExample> ordinary_examples() {
  Tensor empty_channel = random_tensor(kPromiseShape, 1);
  std::fill_n(empty_channel.data() + 12, 12, 0.0f);
  return {{"normal", random_tensor(kPromiseShape, 3)},
          {"zeros", Tensor::zeros(kPromiseShape)},
          {"constant", Tensor::full(kPromiseShape, 0.375f)},
          {"negative", Tensor::full(kPromiseShape, -2.0f)},
          {"tiny", random_tensor(kPromiseShape, 6, 1e-37f)},
          {"empty channel", empty_channel}};
}

std::vector<PromiseExample> all_examples() {
  std::vector<PromiseExample> examples = ordinary_examples();
  Tensor mixed = random_tensor(kPromiseShape, 2);
  mixed.data()[0] = 1e38f;
  mixed.data()[1] = -1e-38f;
  examples.push_back({"huge", random_tensor(kPromiseShape, 5, 1e37f)});
  examples.push_back({"mixed magnitudes", mixed});
  return examples;
}

}  // namespace quench::quant
