#include <array>

#include "vectors/operations.h"
#include "vectors/trained.h"

namespace quench::vectors {
namespace {

using namespace quench::quant;

/// Checks approx_sign's results for a case with the given settings.
std::unique_ptr<Quantizer> check_sign(const Case& c, Comparison& check, const char* shift,
                                      const std::map<std::string, double>& trained) {
  Settings settings = Settings::from({{"shift", shift}});
  auto quantizer = make_quantizer(
      "approx_sign", {.role = Role::activation, .bits = 1, .slot = "case", .settings = settings});
  set_trained(*quantizer, trained);
  const Variable x(tensor(c.inputs.at("x")), true);
  const Variable y = quantizer->forward(x);
  backward(y, tensor(c.inputs.at("upstream")));
  check.exact("y", y.value(), c.expect.at("y"));
  check.f32("grad_x", gradient(x), c.expect.at("grad_x"));
  return quantizer;
}

void approx_sign(const Case& c, Comparison& check) { check_sign(c, check, "none", {}); }

void rsign(const Case& c, Comparison& check) {
  const auto quantizer = check_sign(c, check, "trained", {{"shift", c.params.at("alpha")}});
  check.f32_reduced("grad_alpha", trained_gradient(*quantizer, "shift"), c.expect.at("grad_alpha"));
}

constexpr std::array kOperations{Operation{"plugin.approx_sign", approx_sign},
                                 Operation{"plugin.rsign", rsign}};

}  // namespace

std::span<const Operation> approx_sign_operations() { return kOperations; }

}  // namespace quench::vectors
