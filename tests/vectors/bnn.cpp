#include <array>

#include "autograd/loss.h"
#include "autograd/nn.h"
#include "core/ops/elementwise.h"
#include "quant/registry.h"
#include "quant/strategies/ste.h"
#include "vectors/backward.h"
#include "vectors/operations.h"

namespace quench::vectors {
namespace {

using namespace quench::quant;

/// The sign with a window on its gradient, or, for a null window, with none.
std::unique_ptr<Quantizer> sign_quantizer(const Json& window) {
  const bool windowed = !window.is_null();
  Settings settings = Settings::from({{"weight_gradient", windowed ? "window" : "identity"},
                                      {"clip", windowed ? window.get<double>() : 1.0}});
  return make_quantizer("ste",
                        {.role = Role::weight, .bits = 1, .slot = "case", .settings = settings});
}

void bnn_sign(const Case& c, Comparison& check) {
  const auto quantizer = sign_quantizer(c.params.at("window"));
  const Variable x(tensor(c.inputs.at("x")), true);
  const Variable y = quantizer->forward(x);
  backward(y, tensor(c.inputs.at("upstream")));
  check.exact("y", y.value(), c.expect.at("y"));
  check.f32("grad_x", gradient(x), c.expect.at("grad_x"));
}

/// TensorFlow's sign(0) is 0, here it is +1; everything else has to agree.
void bnn_sign_tf(const Case& c, Comparison& check) {
  const Variable x(tensor(c.inputs.at("x")));
  const std::vector<double> values = numbers(c.inputs.at("x"));
  std::vector<double> want = numbers(c.expect.at("y"));
  for (std::size_t i = 0; i < want.size(); ++i) {
    if (values[i] == 0.0) want[i] = 1.0;
  }
  check.exact("y", sign_quantizer(nullptr)->forward(x).value(), want);
}

void bnn_stochastic_sign(const Case& c, Comparison& check) {
  const Tensor x = tensor(c.inputs.at("x"));
  check.exact("y", stochastic_sign(x, tensor(c.inputs.at("uniform"))), c.expect.at("y"));
  // p is the threshold of the draw.
  const Tensor p = tensor(c.expect.at("p"));
  const Tensor below = map(p, [](float v) { return v - 1e-6f; });
  const Tensor above = map(p, [](float v) { return v + 1e-6f; });
  check.exact("p", stochastic_sign(x, below),
              std::vector(static_cast<std::size_t>(x.numel()), 1.0));
  check.exact("p", stochastic_sign(x, above),
              std::vector(static_cast<std::size_t>(x.numel()), -1.0));
}

void bnn_dense(const Case& c, Comparison& check) {
  const auto run = [&](const Json& weight_window, const char* grad_w) {
    const Variable x(tensor(c.inputs.at("x")), true), w(tensor(c.inputs.at("w")), true);
    const auto activation = sign_quantizer(c.params.at("act_window"));
    const auto weight = sign_quantizer(weight_window);
    const Variable y = linear(activation->forward(x), weight->forward(w));
    backward(y, tensor(c.inputs.at("upstream")));
    check.exact("y", y.value(), c.expect.at("y"));
    check.f32(grad_w, gradient(w), c.expect.at(grad_w));
    check.f32("grad_x", gradient(x), c.expect.at("grad_x"));
  };
  run(nullptr, "grad_w");
  run(1.0, "grad_w_window");
}

/// The loss takes labels; a case whose targets are not +1 for exactly one class per row has none.
Tensor labels_of(const Tensor& targets) {
  Tensor labels({targets.dim(0)}, DType::s32);
  for (std::int64_t row = 0; row < targets.dim(0); ++row) {
    int found = 0;
    for (std::int64_t column = 0; column < targets.dim(1); ++column) {
      if (targets.data()[row * targets.dim(1) + column] < 0.0f) continue;
      labels.data<std::int32_t>()[row] = static_cast<std::int32_t>(column);
      ++found;
    }
    if (found != 1) throw NotThere{"targets that are not labels"};
  }
  return labels;
}

void squared_hinge_loss(const Case& c, Comparison& check) {
  const Variable z(tensor(c.inputs.at("z")), true);
  const Variable loss = squared_hinge(z, labels_of(tensor(c.inputs.at("target"))));
  loss.backward();
  check.f32_reduced("loss", loss.value().item(), c.expect.at("loss"));
  check.f32("grad_z", gradient(z), c.expect.at("grad_z"));
}

constexpr std::array kOperations{
    Operation{"bnn.sign", bnn_sign}, Operation{"bnn.sign_tf", bnn_sign_tf},
    Operation{"bnn.stochastic_sign", bnn_stochastic_sign}, Operation{"bnn.dense", bnn_dense},
    Operation{"loss.squared_hinge", squared_hinge_loss}};

}  // namespace

std::span<const Operation> bnn_operations() { return kOperations; }

}  // namespace quench::vectors
