#include "train/optimizer.h"

#include <array>

#include "core/ops/elementwise.h"
#include "quant/registry.h"
#include "vectors/backward.h"
#include "vectors/operations.h"

namespace quench::vectors {
namespace {

using namespace quench::layers;
using namespace quench::train;

/// A weight slot with a given step scale. "ab" itself freezes the weight at alpha = 1 in both modes; in
/// the case, momentum still changes it.
class ScaledSlot final : public quant::Quantizer, quant::LatentUpdate {
 public:
  ScaledSlot() : Quantizer({}) {}
  quant::QuantGrid grid() const override { return {}; }
  void observe(const Tensor&) override {}
  const quant::LatentUpdate* latent_update() const override { return this; }
  float step_scale() const override { return scale; }
  void project(Tensor&) const override {}

  float scale = 1.0f;

 protected:
  Variable train_forward(const Variable& x) override { return x; }
};

std::vector<double> optimizer_path(const Case& c, bool scale_step) {
  const std::string method = c.params.at("optimizer");
  const Tensor gradients = tensor(c.inputs.at("grad_wprime"));
  const std::vector<double> alpha = c.params.at("alpha");
  ScaledSlot slot;
  const Variable w(tensor(c.inputs.at("w0")), true);
  const auto optimizer = make_optimizer(
      {.name = method == "adam" ? "adam" : "sgd",
       .momentum = method == "momentum" ? c.params.at("momentum").get<float>() : 0.0f,
       .beta1 = c.params.at("beta1"),
       .beta2 = c.params.at("beta2"),
       .eps = c.params.at("eps")},
      {{"w", w, layers::ParameterKind::weight, &slot}});
  std::vector<double> path = numbers(w.value());
  for (std::size_t step = 0; step < alpha.size(); ++step) {
    const auto keep = static_cast<float>(1.0 - alpha[step]);
    const auto row = static_cast<std::int64_t>(step);
    const Tensor g = gradients.slice(row, row + 1).reshape(w.shape());
    slot.scale = scale_step ? keep : 1.0f;
    optimizer->zero_grad();
    backward(w, scale_step ? g : multiply_scalar(g, keep));
    optimizer->step(c.params.at("lr"));
    const std::vector<double> now = numbers(w.value());
    path.insert(path.end(), now.begin(), now.end());
  }
  return path;
}

void optimizer_mode(const Case& c, Comparison& check) {
  check.f32("w_grad_scale", optimizer_path(c, false), c.expect.at("w_grad_scale"));
  check.f32("w_step_scale", optimizer_path(c, true), c.expect.at("w_step_scale"));
}

void glorot(const Case& c, Comparison& check) {
  const auto sizes = c.params.at("shape").get<std::vector<std::int64_t>>();
  check.f32("lr_scale", {glorot_lr_scale(Shape(sizes))}, c.expect.at("lr_scale"));
}

void latent_update(const Case& c, Comparison& check) {
  const auto sign = quant::make_quantizer("ste", {.role = quant::Role::weight, .bits = 1});
  const Variable w(tensor(c.inputs.at("w")), true);
  // Plain descent steps by -lr times the gradient.
  const auto optimizer = make_optimizer({.name = "sgd", .momentum = 0.0},
                                        {{"w", w, layers::ParameterKind::weight, sign.get()}});
  backward(w, multiply_scalar(tensor(c.inputs.at("optimizer_delta")), -1.0f));
  optimizer->step(c.params.at("lr_scale"));
  check.f32("w_next", w.value(), c.expect.at("w_next"));
}

constexpr std::array kOperations{Operation{"ab.optimizer_mode", optimizer_mode},
                                 Operation{"bnn.glorot_lr_scale", glorot},
                                 Operation{"bnn.latent_update", latent_update}};

}  // namespace

std::span<const Operation> optimizer_operations() { return kOperations; }

}  // namespace quench::vectors
