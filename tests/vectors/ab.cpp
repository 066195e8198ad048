#include <array>
#include <cmath>

#include "quant/registry.h"
#include "quant/saved_state.h"
#include "quant/strategies/ab_options.h"
#include "vectors/backward.h"
#include "vectors/operations.h"

namespace quench::vectors {
namespace {

using namespace quench::quant;

void schedule_cubic(const Case& c, Comparison& check) {
  std::vector<double> alpha, rest;
  for (const std::int64_t step : c.params.at("steps")) {
    alpha.push_back(cubic_alpha(step, c.params.at("T0"), c.params.at("T1")));
    rest.push_back(1.0 - alpha.back());
  }
  check.f64("alpha", alpha, c.expect.at("alpha"));
  check.f64("lr_scale", rest, c.expect.at("lr_scale"));
}

void schedule_exp(const Case& c, Comparison& check) {
  std::vector<double> alpha;
  for (const std::int64_t step : c.params.at("steps")) {
    alpha.push_back(exponential_alpha(step, c.params.at("lam")));
  }
  check.f64("alpha", alpha, c.expect.at("alpha"));
}

AlphaSchedule read_schedule(const Json& params) {
  return {.start = params.at("T0"), .end = params.at("T1"), .every = params.at("f")};
}

void schedule_algorithm1(const Case& c, Comparison& check) {
  const AlphaSchedule schedule = read_schedule(c.params);
  std::vector<double> used;
  double alpha = 0.0;
  for (std::int64_t step = 0; step < c.params.at("n_steps"); ++step) {
    used.push_back(alpha);
    alpha = schedule.after(step, alpha);
  }
  check.f64("alpha_used", used, c.expect.at("alpha_used"));
  check.f64("alpha_after_last", {alpha}, c.expect.at("alpha_after_last"));
}

/// Figure 3 of the paper: loss (w - target)^2, w_q = round(w), algorithm 1.
void toy(const Case& c, Comparison& check) {
  const AlphaSchedule schedule = read_schedule(c.params);
  const double lr = c.params.at("lr"), target = c.params.at("target");
  double alpha = 0.0;
  std::vector<double> w{c.params.at("w0").get<double>()}, w_q{std::nearbyint(w[0])}, alphas{0.0};
  std::vector<double> blends, losses, gradients;
  for (std::int64_t step = 0; step < c.params.at("n_steps"); ++step) {
    blends.push_back((1.0 - alpha) * w.back() + alpha * w_q.back());
    losses.push_back((blends.back() - target) * (blends.back() - target));
    gradients.push_back((1.0 - alpha) * 2.0 * (blends.back() - target));
    w.push_back(w.back() - lr * gradients.back());
    w_q.push_back(std::nearbyint(w.back()));
    alpha = schedule.after(step, alpha);
    alphas.push_back(alpha);
  }
  check.f64("w", w, c.expect.at("w"));
  check.exact("w_q", w_q, c.expect.at("w_q"));
  check.f64("alpha", alphas, c.expect.at("alpha"));
  check.f64("w_ab", blends, c.expect.at("w_ab"));
  check.f64("loss", losses, c.expect.at("loss"));
  check.f64("grad", gradients, c.expect.at("grad"));
}

std::unique_ptr<Quantizer> make_ab(SlotSpec spec, Settings settings, std::int64_t steps = 100) {
  settings.set("gradient_mode", "grad_scale");
  spec.slot = "case";
  spec.settings = settings;
  auto quantizer = make_quantizer("ab", spec);
  quantizer->begin_training({.total_steps = steps});
  return quantizer;
}

/// Sets alpha as if training had reached it.
void set_alpha(Quantizer& quantizer, double alpha) {
  std::map<std::string, Tensor> state = quantizer.state();
  state["alpha"] = state_number(alpha);
  quantizer.load_state(state);
}

void check_blended_weight(const Case& c, Quantizer& quantizer, Comparison& check) {
  set_alpha(quantizer, c.params.at("alpha"));
  const Variable w(tensor(c.inputs.at("w")), true);
  const Variable blended = quantizer.forward(w);
  backward(blended, tensor(c.inputs.at("upstream")));
  check.f32("w_ab", blended.value(), c.expect.at("w_ab"));
  check.f32("grad_w", gradient(w), c.expect.at("grad_w"));
  quantizer.set_mode(Mode::evaluation);
  check.f32("w_q", quantizer.forward(w).value(), c.expect.at("w_q"));
}

void blend_ppq(const Case& c, Comparison& check) {
  const auto quantizer =
      make_ab({.bits = c.params.at("bits"),
               .granularity =
                   c.params.at("axis") == 0 ? Granularity::per_channel : Granularity::per_tensor},
              Settings::from({{"ppq_updates", c.params.at("max_iter").get<int>()}}));
  check_blended_weight(c, *quantizer, check);
  const auto codes = quantizer->codes(tensor(c.inputs.at("w")));
  check.f32("gamma", {codes->grid.scale.begin(), codes->grid.scale.end()}, c.expect.at("gamma"));
  check.exact("q", codes->values, c.expect.at("q"));
}

void blend_sign_weight(const Case& c, Comparison& check) {
  check_blended_weight(c, *make_ab({.bits = 1}, {}), check);
}

void blend_sign_act(const Case& c, Comparison& check) {
  const auto run = [&](const char* way, const char* want) {
    const auto quantizer =
        make_ab({.role = Role::activation, .bits = 1},
                Settings::from({{"activation", way}, {"tail_gradient", "pure"}}));
    set_alpha(*quantizer, c.params.at("alpha"));
    const Variable x(tensor(c.inputs.at("x")), true);
    const Variable y = quantizer->forward(x);
    backward(y, tensor(c.inputs.at("upstream")));
    check.f32("y", y.value(), c.expect.at("y"));
    check.f32(want, gradient(x), c.expect.at(want));
  };
  run("blend_pure", "grad_x_pure");
  run("blend_ste", "grad_x_ste");
}

/// dL/dw of L = mean over rows of (X w - y)^2.
Tensor regression_gradient(const std::vector<double>& x, const std::vector<double>& y,
                           const Tensor& w) {
  const auto rows = static_cast<std::int64_t>(y.size()), columns = w.numel();
  std::vector<double> gradient(static_cast<std::size_t>(columns), 0.0);
  for (std::int64_t row = 0; row < rows; ++row) {
    double error = -y[row];
    for (std::int64_t k = 0; k < columns; ++k) error += x[row * columns + k] * w.data()[k];
    for (std::int64_t k = 0; k < columns; ++k) {
      gradient[k] += 2.0 * error * x[row * columns + k] / static_cast<double>(rows);
    }
  }
  Tensor result(w.shape());
  for (std::int64_t k = 0; k < columns; ++k) result.data()[k] = static_cast<float>(gradient[k]);
  return result;
}

void train_linear(const Case& c, Comparison& check) {
  const std::int64_t steps = c.params.at("n_steps");
  const auto total = static_cast<double>(steps);
  const auto quantizer =
      make_ab({.bits = c.params.at("bits")},
              Settings::from({{"start", c.params.at("T0").get<double>() / total},
                              {"end", c.params.at("T1").get<double>() / total},
                              {"alpha_every", c.params.at("f").get<int>()},
                              {"ppq_updates", c.params.at("ppq_max_iter").get<int>()}}),
              steps);
  const std::vector<double> x = numbers(c.inputs.at("X")), y = numbers(c.inputs.at("y"));
  Tensor latent = tensor(c.inputs.at("w0"));
  std::vector<double> path = numbers(latent), alphas{0.0}, gammas, codes;
  for (std::int64_t step = 0; step < steps; ++step) {
    const Variable w(latent, true);
    const Variable blended = quantizer->forward(w);
    quantizer->observe(latent);  // at alpha = 0 the forward pass needs no gamma; the case lists it
    const Tensor q = centered_codes(latent, quantizer->grid());
    gammas.push_back(quantizer->grid().scale[0]);
    codes.insert(codes.end(), q.data(), q.data() + q.numel());
    backward(blended, regression_gradient(x, y, blended.value()));
    const auto lr = c.params.at("lr").get<float>();
    latent = zip(latent, gradient(w), [lr](float value, float g) { return value - lr * g; });
    quantizer->step(step);
    const std::vector<double> row = numbers(latent);
    path.insert(path.end(), row.begin(), row.end());
    alphas.push_back(double{quantizer->metrics()[0].second});
  }
  check.f32("w", path, c.expect.at("w"));
  check.f32("alpha", alphas, c.expect.at("alpha"));
  check.f32("gamma", gammas, c.expect.at("gamma"));
  check.exact("q", codes, c.expect.at("q"));
}

constexpr std::array kOperations{Operation{"ab.schedule_cubic", schedule_cubic},
                                 Operation{"ab.schedule_exp", schedule_exp},
                                 Operation{"ab.schedule_algorithm1", schedule_algorithm1},
                                 Operation{"ab.toy", toy},
                                 Operation{"ab.blend_ppq", blend_ppq},
                                 Operation{"ab.blend_sign_weight", blend_sign_weight},
                                 Operation{"ab.blend_sign_act", blend_sign_act},
                                 Operation{"ab.train_linear", train_linear}};

}  // namespace

std::span<const Operation> ab_operations() { return kOperations; }

}  // namespace quench::vectors
