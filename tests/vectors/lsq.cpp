#include <array>

#include "vectors/operations.h"
#include "vectors/trained.h"

namespace quench::vectors {
namespace {

using namespace quench::quant;

std::unique_ptr<Quantizer> lsq_of(const Case& c, const char* grad_scale) {
  const bool is_signed = c.params.at("signed");
  Settings settings = Settings::from(
      {{"grad_scale", grad_scale}, {"act_grid", is_signed ? "signed_full" : "unsigned"}});
  auto quantizer = make_quantizer("lsq", {.role = is_signed ? Role::weight : Role::activation,
                                          .bits = c.params.at("bits"),
                                          .slot = "case",
                                          .settings = settings});
  set_trained(*quantizer, {{"scale", c.params.at("s")}});
  return quantizer;
}

/// c = 1 means that the case does not scale the gradient of s.
const char* scaling(const Case& c) {
  return c.params.at("grad_scale").get<double>() == 1.0 ? "none" : "paper";
}

void check_per_element(const Case& c, Comparison& check) {
  const std::vector<double> v = numbers(c.inputs.at("v")), g = numbers(c.inputs.at("upstream"));
  std::vector<double> gradients;
  for (std::size_t i = 0; i < v.size(); ++i) {
    const auto quantizer = lsq_of(c, "none");
    const Variable leaf(Tensor::full({1, 1}, static_cast<float>(v[i])), true);
    backward(quantizer->forward(leaf), Tensor::full({1, 1}, static_cast<float>(g[i])));
    gradients.push_back(trained_gradient(*quantizer, "scale"));
  }
  check.f32("grad_s_per_element", gradients, c.expect.at("grad_s_per_element"));
}

void lsq_fake_quant(const Case& c, Comparison& check) {
  const Tensor v = one_sample(c.inputs.at("v")), g = one_sample(c.inputs.at("upstream"));
  const auto quantizer = lsq_of(c, scaling(c));
  const Variable leaf(v, true);
  const Variable y = quantizer->forward(leaf);
  backward(y, g);
  check.f32("y", y.value(), c.expect.at("y"));
  check.f32("grad_v", gradient(leaf), c.expect.at("grad_v"));
  check.f32_reduced("grad_s", trained_gradient(*quantizer, "scale"), c.expect.at("grad_s"));

  const auto raw = lsq_of(c, "none");
  backward(raw->forward(Variable(v, true)), g);
  check.f32_reduced("grad_s_raw", trained_gradient(*raw, "scale"), c.expect.at("grad_s_raw"));
  if (c.expect.contains("grad_s_per_element")) check_per_element(c, check);

  quantizer->set_mode(Mode::evaluation);
  check.exact("vbar", quantizer->codes(v)->values, c.expect.at("vbar"));
}

void lsq_init(const Case& c, Comparison& check) {
  const Tensor v = tensor(c.inputs.at("v"));
  const auto scales = [&](Granularity granularity) {
    const auto quantizer = make_quantizer("lsq", {.role = Role::weight,
                                                  .bits = c.params.at("bits"),
                                                  .granularity = granularity,
                                                  .channels = v.dim(0),
                                                  .slot = "case"});
    quantizer->observe(v);
    const QuantGrid grid = quantizer->grid();
    return std::vector<double>(grid.scale.begin(), grid.scale.end());
  };
  check.f32("s", scales(Granularity::per_tensor), c.expect.at("s"));
  check.f32("s_per_channel", scales(Granularity::per_channel), c.expect.at("s_per_channel"));
}

constexpr std::array kOperations{Operation{"lsq.fake_quant", lsq_fake_quant},
                                 Operation{"lsq.init", lsq_init}};

}  // namespace

std::span<const Operation> lsq_operations() { return kOperations; }

}  // namespace quench::vectors
