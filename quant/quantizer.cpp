#include "quant/quantizer.h"

#include "core/profiler.h"
#include "quant/strategy.h"
#include "support/error.h"

namespace quench::quant {

Quantizer::Quantizer(const SlotSpec& spec, Traits traits)
    : role_(spec.role),
      bits_(spec.bits),
      granularity_(spec.granularity),
      slot_(spec.slot),
      method_(spec.strategy == nullptr ? "" : spec.strategy->info.name),
      traits_(traits) {}

void Quantizer::begin_training(const TrainingPlan& plan) {
  require(plan.total_steps >= 1, "{}: {}: expected a run of at least 1 step, got {}", slot_,
          method_, plan.total_steps);
  if (Planned* self = planned()) self->begin(plan);
  begun_ = true;
}

Variable Quantizer::forward(const Variable& x) {
  if (mode_ == Mode::bypass || !quantizes()) return x;
  ProfileScope scope("quantize");
  if (mode_ == Mode::training) {
    expect(begun_ || planned() == nullptr,
           "{}: {} needs the run's plan to train: call begin_training() before the first step",
           slot_, method_);
    return train_forward(x);
  }
  if (role_ == Role::weight) observe(x.value());
  return Variable(dequantize(quantize(x.value()), grid()));
}

Variable Quantizer::forward_bytes(const Variable& x) {
  struct Wanted {
    bool& flag;
    explicit Wanted(bool& flag_in) : flag(flag_in) { flag = true; }
    ~Wanted() { flag = false; }
    Wanted(const Wanted&) = delete;
    Wanted& operator=(const Wanted&) = delete;
  };
  const Wanted wanted(wants_bytes_);
  return forward(x);
}

std::optional<Quantizer::Codes> Quantizer::codes(const Tensor& x) {
  if (mode_ != Mode::evaluation || !quantizes()) return std::nullopt;
  ProfileScope scope("quantize");
  if (role_ == Role::weight) observe(x);
  QuantGrid exported = grid();
  Tensor values = quantize(x);
  return Codes{std::move(values), std::move(exported)};
}

}  // namespace quench::quant
