#include <array>
#include <string>

#include "quant/registry.h"
#include "vectors/backward.h"
#include "vectors/operations.h"

namespace quench::vectors {
namespace {

using namespace quench::quant;

std::unique_ptr<Quantizer> dorefa_of(const Case& c, Role role, const char* max_gradient) {
  Settings settings = Settings::from({{"max_gradient", max_gradient}});
  return make_quantizer(
      "dorefa", {.role = role, .bits = c.params.at("k"), .slot = "case", .settings = settings});
}

void dorefa_weight(const Case& c, Comparison& check) {
  const Tensor w = tensor(c.inputs.at("w")), upstream = tensor(c.inputs.at("upstream"));
  const auto run = [&](const char* max_gradient, const char* grad_w) {
    const auto quantizer = dorefa_of(c, Role::weight, max_gradient);
    const Variable leaf(w, true);
    const Variable y = quantizer->forward(leaf);
    backward(y, upstream);
    check.f32("y", y.value(), c.expect.at("y"));
    check.f32(grad_w, gradient(leaf), c.expect.at(grad_w));
  };
  run("constant", "grad_w");
  if (c.expect.contains("grad_w_through_max")) run("full", "grad_w_through_max");

  const auto quantizer = dorefa_of(c, Role::weight, "constant");
  quantizer->set_mode(Mode::evaluation);
  const auto codes = quantizer->codes(w);
  const double scale = double{codes->grid.scale[0]};
  if (c.expect.contains("E")) check.f32_reduced("E", scale, c.expect.at("E"));
  if (!c.expect.contains("q")) return;
  // The case counts the levels from 0; the grid's odd integers are centred at 0.
  std::vector<double> levels = numbers(codes->values);
  for (double& q : levels) q = (q + codes->grid.qmax) / 2.0;
  check.exact("q", levels, c.expect.at("q"));
}

void dorefa_act(const Case& c, Comparison& check) {
  const auto quantizer = dorefa_of(c, Role::activation, "constant");
  const Variable x(tensor(c.inputs.at("x")), true);
  const Variable y = quantizer->forward(x);
  backward(y, tensor(c.inputs.at("upstream")));
  check.f32("y", y.value(), c.expect.at("y"));
  check.f32("grad_x", gradient(x), c.expect.at("grad_x"));
  quantizer->set_mode(Mode::evaluation);
  check.exact("q", quantizer->codes(x.value())->values, c.expect.at("q"));
}

constexpr std::array kOperations{Operation{"dorefa.weight", dorefa_weight},
                                 Operation{"dorefa.act", dorefa_act}};

}  // namespace

std::span<const Operation> dorefa_operations() { return kOperations; }

}  // namespace quench::vectors
