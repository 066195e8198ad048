#include "ptq/reconstruction/gptq.h"

#include <array>
#include <numeric>

#include "ptq/reconstruction/input_hessian.h"
#include "vectors/operations.h"

namespace quench::vectors {
namespace {

using namespace quench::ptq;

SquareMatrix matrix(const Json& value) {
  SquareMatrix result(value.at("shape").at(0).get<std::int64_t>());
  result.values = numbers(value);
  return result;
}

GptqOptions gptq_options(const Case& c, const char* order) {
  return {.damping = c.params.at("damping").get<double>(), .order = order};
}

GptqOptions gptq_options(const Case& c) {
  return gptq_options(c, c.params.at("act_order").get<bool>() ? "activation" : "index");
}

/// Rows [first, first + rows) of the case.
GptqProblem gptq_problem(const Case& c, std::int64_t first, std::int64_t rows) {
  const std::vector<double> w = numbers(c.inputs.at("w")), scale = numbers(c.inputs.at("scale"));
  const std::int64_t columns = std::ssize(w) / std::ssize(scale);
  const quant::CodeRange range{.low = c.params.at("qmin"), .high = c.params.at("qmax")};
  return {.rows = rows,
          .weight = {w.begin() + first * columns, w.begin() + (first + rows) * columns},
          .scale = {scale.begin() + first, scale.begin() + first + rows},
          .range = std::vector<quant::CodeRange>(static_cast<std::size_t>(rows), range)};
}

GptqProblem gptq_problem(const Case& c) {
  return gptq_problem(c, 0, std::ssize(numbers(c.inputs.at("scale"))));
}

std::vector<double> real_values(const GptqProblem& problem, const std::vector<double>& codes) {
  const std::size_t columns = codes.size() / problem.scale.size();
  std::vector<double> result;
  for (std::size_t i = 0; i < codes.size(); ++i)
    result.push_back(problem.scale[i / columns] * codes[i]);
  return result;
}

Conv2dParams conv_params(const Json& params) {
  const int pad = params.at("pad"), stride = params.at("stride");
  return {.stride = {stride, stride},
          .padding = {.top = pad, .left = pad, .bottom = pad, .right = pad},
          .groups = params.at("groups")};
}

std::vector<SquareMatrix> hessians_of(const Case& c, const Shape& weight) {
  InputHessian hessian(weight, conv_params(c.params));
  hessian.add(tensor(c.inputs.at("x")));
  return hessian.matrices();
}

void hessian(const Case& c, Comparison& out) {
  const std::int64_t groups = c.params.at("groups"), kernel = c.params.at("kernel");
  const auto channels = c.inputs.at("x").at("shape").at(1).get<std::int64_t>();
  std::vector<double> got;
  for (const SquareMatrix& group : hessians_of(c, {groups, channels / groups, kernel, kernel}))
    got.insert(got.end(), group.values.begin(), group.values.end());
  out.f64("H", got, c.expect.at("H"));
}

void factor(const Case& c, Comparison& out) {
  SquareMatrix h = matrix(c.inputs.at("H"));
  double trace = 0.0;
  for (std::int64_t j = 0; j < h.n; ++j) trace += h.row(j)[j];
  for (std::int64_t j = 0; j < h.n; ++j)
    h.row(j)[j] += c.params.at("damping").get<double>() * trace / static_cast<double>(h.n);
  out.f64("U", inverse_factor(h).values, c.expect.at("U"));
}

void compare_codes(const Case& c, Comparison& out, const GptqProblem& problem,
                   const GptqResult& result) {
  out.exact("q", result.codes, c.expect.at("q"));
  out.f64("w_q", real_values(problem, result.codes), c.expect.at("w_q"));
  out.f64("loss", result.loss, c.expect.at("loss"));
}

void quantize(const Case& c, Comparison& out) {
  const GptqProblem problem = gptq_problem(c);
  const SquareMatrix h = matrix(c.inputs.at("H"));
  const GptqResult result = gptq(problem, h, gptq_options(c)).value();
  compare_codes(c, out, problem, result);
  if (c.params.at("act_order").get<bool>()) {
    const std::vector<std::int64_t> order = falling_diagonal(h);
    out.exact("order", std::vector<double>(order.begin(), order.end()), c.expect.at("order"));
  }
  out.f64("error", {output_error(problem, result.codes, h)}, c.expect.at("error"));
  out.f64("error_nearest", {output_error(problem, nearest_codes(problem), h)},
          c.expect.at("error_nearest"));
}

void conv(const Case& c, Comparison& out) {
  const Shape weight(c.inputs.at("w").at("shape").get<std::vector<std::int64_t>>());
  const std::vector<SquareMatrix> groups = hessians_of(c, weight);
  const std::int64_t rows = weight[0] / std::ssize(groups);
  std::vector<double> codes;
  double error = 0.0, nearest = 0.0;
  for (std::int64_t g = 0; g < std::ssize(groups); ++g) {
    const SquareMatrix& h = groups[static_cast<std::size_t>(g)];
    const GptqProblem problem = gptq_problem(c, g * rows, rows);
    const GptqResult result = gptq(problem, h, gptq_options(c)).value();
    codes.insert(codes.end(), result.codes.begin(), result.codes.end());
    error += output_error(problem, result.codes, h);
    nearest += output_error(problem, nearest_codes(problem), h);
  }
  out.exact("q", codes, c.expect.at("q"));
  // The case sums squares; H is 2 / N times that.
  const double images = c.inputs.at("x").at("shape").at(0).get<double>();
  out.f64("output_error", {error * images / 2.0}, c.expect.at("output_error"));
  out.f64("output_error_nearest", {nearest * images / 2.0}, c.expect.at("output_error_nearest"));
}

void greedy(const Case& c, Comparison& out) {
  const GptqProblem problem = gptq_problem(c);
  compare_codes(c, out, problem,
                gptq(problem, matrix(c.inputs.at("H")), gptq_options(c, "greedy")).value());
}

constexpr std::array kOperations{Operation{"gptq.hessian", hessian},
                                 Operation{"gptq.inverse_factor", factor},
                                 Operation{"gptq.quantize", quantize}, Operation{"gptq.conv", conv},
                                 Operation{"obq.quantize", greedy}};

}  // namespace

std::span<const Operation> gptq_operations() { return kOperations; }

}  // namespace quench::vectors
