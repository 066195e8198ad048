#include <array>
#include <cmath>

#include "autograd/activation.h"
#include "autograd/loss.h"
#include "autograd/nn.h"
#include "layers/linear.h"
#include "ptq/search/cost.h"
#include "ptq/search/hessian_trace.h"
#include "ptq/search/selection.h"
#include "ptq/search/sensitivity.h"
#include "quant/registry.h"
#include "vectors/operations.h"

namespace quench::vectors {
namespace {

/// On a symmetric grid of max |w|.
double noise_of(const Tensor& weight, int bits) {
  layers::Linear layer({.in_features = weight.dim(1), .out_features = weight.dim(0)}, weight);
  layer.set_weight_quantizer(quant::make_quantizer(
      "symmetric", {.role = quant::Role::weight, .bits = bits, .slot = "weight"}));
  return ptq::weight_noise(layer);
}

void sqnr(const Case& c, Comparison& out) {
  const Tensor w = tensor(c.inputs.at("w"));
  const double noise = noise_of(w, c.params.at("bits").get<int>());
  double signal = 0.0;
  for (const double value : numbers(w)) signal += value * value;
  out.f32("noise", {noise}, c.expect.at("noise"));
  out.f32("sqnr_db", {10.0 * std::log10(signal / noise)}, c.expect.at("sqnr_db"));
}

/// z of one sample, out of [samples, O, I].
Tensor signs(const Json& value, std::size_t sample, const Shape& shape) {
  const std::vector<double> all = numbers(value);
  const auto count = static_cast<std::size_t>(shape.numel());
  std::vector<float> z(all.begin() + static_cast<std::ptrdiff_t>(sample * count),
                       all.begin() + static_cast<std::ptrdiff_t>((sample + 1) * count));
  return Tensor::from_row_major(shape, z);
}

void hutchinson(const Case& c, Comparison& out) {
  constexpr Tolerance kDifferences{.rtol = 2e-3, .atol = 2e-3};
  Variable w1(tensor(c.inputs.at("W1")), true), w2(tensor(c.inputs.at("W2")), true);
  const Variable x(tensor(c.inputs.at("X")));
  const std::vector<double> given = numbers(c.inputs.at("labels"));
  Tensor labels({std::ssize(given)}, DType::s32);
  for (std::size_t i = 0; i < given.size(); ++i)
    labels.span<std::int32_t>()[i] = static_cast<std::int32_t>(given[i]);
  const auto loss = [&] {
    const Variable hidden = apply(Pointwise(Pointwise::Kind::tanh), linear(x, w1));
    return cross_entropy(linear(hidden, w2), labels);
  };
  out.f32("loss", {static_cast<double>(loss().value().item())}, c.expect.at("loss"));
  std::vector<double> omega;
  for (const auto& [weight, name] : {std::pair{&w1, "1"}, std::pair{&w2, "2"}}) {
    const auto gradient = [&, weight = weight] {
      w1.zero_grad();
      w2.zero_grad();
      loss().backward();
      return weight->grad().clone();
    };
    const Json& z = c.inputs.at(std::string("z") + name);
    std::vector<double> estimates;
    for (std::size_t i = 0; i < 3; ++i)
      estimates.push_back(ptq::curvature(gradient, *weight, signs(z, i, weight->shape())));
    out.within(kDifferences, std::string("estimates_") + name, estimates,
               c.expect.at(std::string("estimates_") + name));
    // The exact trace is a sum over unit directions.
    double exact = 0.0;
    for (std::int64_t i = 0; i < weight->value().numel(); ++i) {
      Tensor unit = Tensor::zeros(weight->shape());
      unit.span()[static_cast<std::size_t>(i)] = 1.0f;
      exact += ptq::curvature(gradient, *weight, unit);
    }
    out.within(kDifferences, std::string("trace_") + name, {exact},
               c.expect.at(std::string("trace_") + name));
    for (const int bits : {2, 4, 8})
      omega.push_back(exact / static_cast<double>(weight->value().numel()) *
                      noise_of(weight->value(), bits));
  }
  out.within(kDifferences, "omega", omega, c.expect.at("omega"));
}

/// Rows of a matrix [groups, options].
std::vector<std::vector<double>> rows(const Json& value) {
  const std::vector<double> all = numbers(value);
  const auto columns = value.at("shape").at(1).get<std::ptrdiff_t>();
  std::vector<std::vector<double>> result;
  for (auto row = all.begin(); row != all.end(); row += columns)
    result.emplace_back(row, row + columns);
  return result;
}

std::vector<ptq::OptionGroup> option_groups(const Case& c) {
  const auto cost = rows(c.inputs.at("cost")), sensitivity = rows(c.inputs.at("sensitivity"));
  std::vector<ptq::OptionGroup> groups;
  for (std::size_t g = 0; g < cost.size(); ++g) groups.push_back({cost[g], sensitivity[g]});
  return groups;
}

std::vector<double> as_numbers(const std::vector<std::size_t>& options) {
  return {options.begin(), options.end()};
}

void knapsack(const Case& c, Comparison& out) {
  const auto groups = option_groups(c);
  const Json& best = c.expect.at("best");
  for (std::size_t i = 0; i < best.size(); ++i) {
    const auto got = ptq::select_options(groups, c.params.at("budgets").at(i).get<double>());
    out.exact("fits", {got ? 1.0 : 0.0}, Json(best[i].is_null() ? 0 : 1));
    if (!got || best[i].is_null()) continue;
    out.exact("choice", as_numbers(got->options), best[i].at("choice"));
    out.f64("cost", {got->cost}, best[i].at("cost"));
    out.f64("sensitivity", {got->sensitivity}, best[i].at("sensitivity"));
  }
}

void pareto(const Case& c, Comparison& out) {
  std::vector<double> cost, sensitivity, choices, wanted;
  for (const ptq::Selection& point : ptq::pareto_front(option_groups(c))) {
    cost.push_back(point.cost);
    sensitivity.push_back(point.sensitivity);
    choices.insert(choices.end(), point.options.begin(), point.options.end());
  }
  for (const Json& choice : c.expect.at("choice"))
    for (const Json& option : choice) wanted.push_back(option.get<double>());
  out.f64("cost", cost, c.expect.at("cost"));
  out.f64("sensitivity", sensitivity, c.expect.at("sensitivity"));
  out.exact("choice", choices, Json(wanted));
}

void bops(const Case& c, Comparison& out) {
  const Json& macs = c.params.at("macs");
  double sum = 0.0, floating = 0.0;
  for (std::size_t i = 0; i < macs.size(); ++i) {
    const ptq::LayerBits bits{.weight = c.params.at("weight_bits").at(i),
                              .input = c.params.at("activation_bits").at(i)};
    sum += ptq::bit_operations(macs[i].get<std::int64_t>(), bits);
    floating += ptq::bit_operations(macs[i].get<std::int64_t>(), {});
  }
  out.exact("bops", {sum}, c.expect.at("bops"));
  out.exact("bops_fp32", {floating}, c.expect.at("bops_fp32"));
}

/// The published problem: two options, tied layers as one group.
void hawq(const Case& c, Comparison& out) {
  const std::vector<double> trace = numbers(c.inputs.at("trace"));
  const std::array noise{numbers(c.inputs.at("noise_4")), numbers(c.inputs.at("noise_8"))};
  const std::array cost{numbers(c.inputs.at("cost_4")), numbers(c.inputs.at("cost_8"))};
  std::vector<std::size_t> group_of(trace.size());
  std::vector<ptq::OptionGroup> groups;
  for (std::size_t i = 0; i < trace.size(); ++i) {
    group_of[i] = groups.size();
    for (const Json& pair : c.params.at("tied"))
      if (pair.at(1).get<std::size_t>() == i) group_of[i] = group_of[pair.at(0).get<std::size_t>()];
    if (group_of[i] == groups.size()) groups.push_back({{0.0, 0.0}, {0.0, 0.0}});
    for (std::size_t o = 0; o < 2; ++o) {
      groups[group_of[i]].cost[o] += cost[o][i];
      groups[group_of[i]].sensitivity[o] += trace[i] * noise[o][i];
    }
  }
  double all4 = 0.0, all8 = 0.0;
  for (const ptq::OptionGroup& group : groups) {
    all4 += group.cost[0];
    all8 += group.cost[1];
  }
  const double budget = all4 + c.params.at("fraction").get<double>() * (all8 - all4);
  out.f64("budget", {budget}, c.expect.at("budget"));
  const auto got = ptq::select_options(groups, budget).value();
  std::vector<double> bits;
  for (const std::size_t group : group_of) bits.push_back(got.options[group] == 0 ? 4.0 : 8.0);
  out.exact("bits", bits, c.expect.at("bits"));
  out.f64("cost", {got.cost}, c.expect.at("cost"));
  out.f64("sensitivity", {got.sensitivity}, c.expect.at("sensitivity"));
}

constexpr std::array kOperations{
    Operation{"search.sqnr", sqnr},         Operation{"search.hutchinson", hutchinson},
    Operation{"search.knapsack", knapsack}, Operation{"search.pareto", pareto},
    Operation{"search.bops", bops},         Operation{"search.hawq", hawq}};

}  // namespace

std::span<const Operation> bit_search_operations() { return kOperations; }

}  // namespace quench::vectors
