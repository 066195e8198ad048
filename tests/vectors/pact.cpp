#include <array>

#include "vectors/operations.h"
#include "vectors/trained.h"

namespace quench::vectors {
namespace {

using namespace quench::quant;

std::unique_ptr<Quantizer> pact_of(int bits, double alpha, double decay) {
  Settings settings = Settings::from({{"alpha", alpha}, {"alpha_decay", decay}});
  return make_quantizer(
      "pact", {.role = Role::activation, .bits = bits, .slot = "case", .settings = settings});
}

void pact_fake_quant(const Case& c, Comparison& check) {
  const auto quantizer = pact_of(c.params.at("k"), c.params.at("alpha"), 0.0);
  const Variable x(tensor(c.inputs.at("x")), true);
  const Variable y = quantizer->forward(x);
  backward(y, tensor(c.inputs.at("upstream")));
  check.f32("y", y.value(), c.expect.at("y"));
  check.f32("grad_x", gradient(x), c.expect.at("grad_x"));
  check.f32_reduced("grad_alpha", trained_gradient(*quantizer, "alpha"), c.expect.at("grad_alpha"));
  quantizer->set_mode(Mode::evaluation);
  check.exact("q", quantizer->codes(x.value())->values, c.expect.at("q"));
}

/// One element above alpha passes its whole gradient to alpha.
void pact_l2(const Case& c, Comparison& check) {
  const double alpha = c.params.at("alpha");
  const auto quantizer = pact_of(4, alpha, c.params.at("lam"));
  const Variable x(Tensor::full({1}, static_cast<float>(2.0 * alpha)), true);
  backward(quantizer->forward(x), Tensor::full({1}, c.params.at("grad").get<float>()));
  check.f32_reduced("total_grad", trained_gradient(*quantizer, "alpha"), c.expect.at("total_grad"));
}

void pact_invalid(const Case& c, Comparison& check) {
  bool refused = false;
  try {
    pact_of(c.params.at("k"), c.params.at("alpha"), 0.0);
  } catch (const std::invalid_argument&) {
    refused = true;
  }
  check.exact("error", {refused ? 1.0 : 0.0}, c.expect.at("error"));
}

constexpr std::array kOperations{Operation{"pact.fake_quant", pact_fake_quant},
                                 Operation{"pact.fake_quant_invalid", pact_invalid},
                                 Operation{"pact.l2", pact_l2}};

}  // namespace

std::span<const Operation> pact_operations() { return kOperations; }

}  // namespace quench::vectors
