#include <array>

#include "vectors/operations.h"
#include "vectors/trained.h"

namespace quench::vectors {
namespace {

using namespace quench::quant;

std::unique_ptr<Quantizer> activation_of(const Case& c, const char* grad_scale) {
  Settings settings = Settings::from({{"grad_scale", grad_scale}, {"init", "minmax"}});
  return make_quantizer("lsq_plus", {.role = Role::activation,
                                     .bits = c.params.at("bits"),
                                     .slot = "case",
                                     .settings = settings});
}

void fake_quant(const Case& c, Comparison& check) {
  const Tensor v = one_sample(c.inputs.at("v")), g = one_sample(c.inputs.at("upstream"));
  const auto run = [&](const char* grad_scale, const char* grad_s, const char* grad_beta) {
    const auto quantizer = activation_of(c, grad_scale);
    set_trained(*quantizer, {{"scale", c.params.at("s")}, {"beta", c.params.at("beta")}});
    const Variable leaf(v, true);
    const Variable y = quantizer->forward(leaf);
    backward(y, g);
    check.f32("y", y.value(), c.expect.at("y"));
    check.f32("grad_v", gradient(leaf), c.expect.at("grad_v"));
    check.f32_reduced(grad_s, trained_gradient(*quantizer, "scale"), c.expect.at(grad_s));
    check.f32_reduced(grad_beta, trained_gradient(*quantizer, "beta"), c.expect.at(grad_beta));
    quantizer->set_mode(Mode::evaluation);
    check.exact("vbar", quantizer->codes(v)->values, c.expect.at("vbar"));
  };
  run("paper", "grad_s", "grad_beta");
  run("none", "grad_s_raw", "grad_beta_raw");
}

void weight_init(const Case& c, Comparison& check) {
  const auto quantizer = make_quantizer(
      "lsq_plus", {.role = Role::weight, .bits = c.params.at("bits"), .slot = "case"});
  quantizer->observe(tensor(c.inputs.at("v")));
  check.f32("s", {quantizer->grid().scale[0]}, c.expect.at("s"));
}

void act_init_minmax(const Case& c, Comparison& check) {
  const auto quantizer = activation_of(c, "paper");
  quantizer->observe(tensor(c.inputs.at("v")));
  check.f32("s", {quantizer->grid().scale[0]}, c.expect.at("s"));
  check.f32("beta", {quantizer->grid().offset}, c.expect.at("beta"));
}

constexpr std::array kOperations{Operation{"lsqplus.fake_quant", fake_quant},
                                 Operation{"lsqplus.weight_init", weight_init},
                                 Operation{"lsqplus.act_init_minmax", act_init_minmax}};

}  // namespace

std::span<const Operation> lsq_plus_operations() { return kOperations; }

}  // namespace quench::vectors
