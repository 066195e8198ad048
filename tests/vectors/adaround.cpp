#include <array>

#include "autograd/loss.h"
#include "vectors/operations.h"
#include "vectors/rounding.h"

namespace quench::vectors {
namespace {

using namespace quench::ptq;

SoftRounding soft_rounding(const Case& c, const SoftRounding::Options& options = {}) {
  SoftRounding rounding(tensor(c.inputs.at("w")), weight_grid(c), options);
  if (c.inputs.contains("v")) rounding.set_v(tensor(c.inputs.at("v")));
  return rounding;
}

void init(const Case& c, Comparison& out) {
  const SoftRounding rounding = soft_rounding(c);
  out.exact("floor", rounding.floors(), c.expect.at("floor"));
  out.f32("v", rounding.v(), c.expect.at("v"));
  const Tensor h = map(rounding.v(), [](float v) { return rectified_sigmoid(v).h; });
  out.f32("h", h, c.expect.at("h"));
  out.f32("frac", h, c.expect.at("frac"));
  out.exact("nearest_codes", quant::centered_codes(tensor(c.inputs.at("w")), weight_grid(c)),
            c.expect.at("nearest_codes"));
}

void sigmoid(const Case& c, Comparison& out) {
  const Tensor v = tensor(c.inputs.at("v"));
  out.f32("h", map(v, [](float x) { return rectified_sigmoid(x).h; }), c.expect.at("h"));
  out.f32("dh", map(v, [](float x) { return rectified_sigmoid(x).slope; }), c.expect.at("dh"));
}

RoundingSchedule rounding_schedule(const Json& params, const char* start, const char* end) {
  return {.iterations = params.at("iterations"),
          .warm_up = params.at("warm_up"),
          .beta_start = params.at(start),
          .beta_end = params.at(end),
          .cosine = params.at("decay") == "cosine"};
}

void beta(const Case& c, Comparison& out) {
  const RoundingSchedule schedule = rounding_schedule(c.params, "start", "end");
  std::vector<double> betas, regularized;
  for (const std::int64_t t : c.params.at("t")) {
    const auto found = schedule.beta(t);
    betas.push_back(found.value_or(schedule.beta_start));
    regularized.push_back(found ? 1.0 : 0.0);
  }
  out.f64("beta", betas, c.expect.at("beta"));
  out.exact("regularized", regularized, c.expect.at("regularized"));
}

void regularizer(const Case& c, Comparison& out) {
  const Tensor v = tensor(c.inputs.at("v"));
  const double weight = c.params.at("weight"), exponent = c.params.at("beta");
  out.f32_reduced("loss", rounding_loss(v, weight, exponent), c.expect.at("loss"));
  out.f32("grad_v", rounding_gradient(v, weight, exponent), c.expect.at("grad_v"));
}

void soft_weight(const Case& c, Comparison& out) {
  const SoftRounding rounding = soft_rounding(c);
  out.f32("w_soft", rounding.weight(), c.expect.at("w_soft"));
  out.f32("grad_v", rounding.gradient(tensor(c.inputs.at("upstream"))), c.expect.at("grad_v"));
  out.exact("hard_codes", rounding.codes(), c.expect.at("hard_codes"));
}

/// The loss of the case's layer with a weight.
Variable reconstruction_loss(const Case& c, const Variable& weight) {
  const Variable y = layer_output(c, Variable(tensor(c.inputs.at("x_quantized"))), weight);
  return lp_loss(c.params.at("relu").get<bool>() ? relu(y) : y, tensor(c.inputs.at("target")),
                 2.0f);
}

void layer_loss(const Case& c, Comparison& out) {
  const SoftRounding rounding = soft_rounding(c);
  const Variable weight(rounding.weight(), true);
  const Variable loss = reconstruction_loss(c, weight);
  loss.backward();
  const double lambda = c.params.at("weight"), exponent = c.params.at("beta");
  const double round_loss = rounding_loss(rounding.v(), lambda, exponent);
  out.f32_reduced("rec_loss", double{loss.value().item()}, c.expect.at("rec_loss"));
  out.f32_reduced("round_loss", round_loss, c.expect.at("round_loss"));
  out.f32_reduced("loss", double{loss.value().item()} + round_loss, c.expect.at("loss"));
  out.f32("grad_v",
          add(rounding.gradient(weight.grad()), rounding_gradient(rounding.v(), lambda, exponent)),
          c.expect.at("grad_v"));
}

void run(const Case& c, Comparison& out) {
  const quant::QuantGrid grid = weight_grid(c);
  SoftRounding rounding =
      soft_rounding(c, {.lr = c.params.at("lr"),
                        .regularization = c.params.at("weight"),
                        .schedule = rounding_schedule(c.params, "beta_start", "beta_end")});
  std::vector<double> v = numbers(rounding.v());
  for (std::int64_t t = 1; t <= c.params.at("iterations").get<std::int64_t>(); ++t) {
    const Variable weight(rounding.weight(), true);
    const Variable loss = reconstruction_loss(c, weight);
    loss.backward();
    rounding.step(t, double{loss.value().item()}, weight.grad());
    const std::vector<double> now = numbers(rounding.v());
    v.insert(v.end(), now.begin(), now.end());
  }
  if (c.expect.contains("v")) {
    const std::vector<double> wanted = numbers(c.expect.at("v"));
    for (std::size_t i = 0; i < wanted.size(); ++i) out.f32_reduced("v", v.at(i), wanted[i]);
  }
  const Tensor nearest = quant::centered_codes(tensor(c.inputs.at("w")), grid);
  const auto loss_with = [&](const Tensor& codes) {
    const Variable loss = reconstruction_loss(c, Variable(quant::dequantize(codes, grid)));
    return double{loss.value().item()};
  };
  out.exact("hard_codes", rounding.codes(), c.expect.at("hard_codes"));
  out.exact("nearest_codes", nearest, c.expect.at("nearest_codes"));
  out.f32_reduced("loss_nearest", loss_with(nearest), c.expect.at("loss_nearest"));
  out.f32_reduced("loss_hard", loss_with(rounding.codes()), c.expect.at("loss_hard"));
}

/// h(V), its derivative, and the regularizer with lambda 1.
void rectified(const Case& c, Comparison& out) {
  const Tensor v = tensor(c.inputs.at("v"));
  out.f32("h", map(v, [](float x) { return rectified_sigmoid(x).h; }), c.expect.at("h"));
  out.f32("dh", map(v, [](float x) { return rectified_sigmoid(x).slope; }), c.expect.at("dh"));
  out.f32_reduced("f_reg", rounding_loss(v, 1.0, c.params.at("beta")), c.expect.at("f_reg"));
}

constexpr std::array kOperations{Operation{"adaround.init", init},
                                 Operation{"plugin.adaround", rectified},
                                 Operation{"adaround.rectified_sigmoid", sigmoid},
                                 Operation{"adaround.beta", beta},
                                 Operation{"adaround.regularizer", regularizer},
                                 Operation{"adaround.soft_weight", soft_weight},
                                 Operation{"adaround.layer_loss", layer_loss},
                                 Operation{"adaround.run", run}};

}  // namespace

std::span<const Operation> adaround_operations() { return kOperations; }

}  // namespace quench::vectors
