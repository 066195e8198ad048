#include "ptq/reconstruction/gptq_unit.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <variant>

#include "layers/conv2d.h"
#include "ptq/reconstruction/coded_weight.h"
#include "ptq/reconstruction/input_hessian.h"
#include "support/error.h"
#include "support/progress.h"

namespace quench::ptq {
namespace {

InputHessian hessian_of(const layers::Graph& graph, std::size_t node, const Shape& weight,
                        const ValueFlow& flow) {
  const layers::Graph::Node& layer = graph.nodes()[node];
  const auto* convolution = std::get_if<layers::Conv2d*>(&layer.layer);
  InputHessian hessian(weight,
                       convolution == nullptr ? Conv2dParams{} : (*convolution)->options().params);
  for_each_piece(flow.images(), [&](std::span<const std::int64_t> images) {
    hessian.add(flow.at(node, images).at(layer.inputs[0]).value());
    progress_bar().advance(std::ssize(images));
  });
  return hessian;
}

/// The rows of one group. The weight and its codes are row-major, like H.
GptqProblem problem_of(const CodedWeight& weight, std::span<const float> values,
                       std::int64_t first_row, std::int64_t rows) {
  const std::int64_t columns = std::ssize(values) / weight.original().dim(0);
  GptqProblem problem{.rows = rows};
  const auto group = values.subspan(static_cast<std::size_t>(first_row * columns),
                                    static_cast<std::size_t>(rows * columns));
  problem.weight.assign(group.begin(), group.end());
  for (std::int64_t r = first_row; r < first_row + rows; ++r) {
    const std::size_t channel = weight.grid().axis == 0 ? static_cast<std::size_t>(r) : 0;
    problem.scale.push_back(double{weight.grid().scale[channel]});
    problem.range.push_back(quant::centered_range(weight.grid(), channel));
  }
  return problem;
}

std::optional<GptqResult> solve(const GptqProblem& problem, const SquareMatrix& hessian,
                                GptqOptions options) {
  constexpr int kRetries = 3;
  for (int retry = 0; retry <= kRetries; ++retry, options.damping *= 10.0)
    if (auto result = gptq(problem, hessian, options)) return result;
  return std::nullopt;
}

struct LayerResult {
  double nearest = 0.0, chosen = 0.0;
  std::int64_t singular_groups = 0;
};

LayerResult gptq_layer(CodedWeight& weight, const InputHessian& inputs,
                       const GptqOptions& options) {
  const std::vector<SquareMatrix> groups = inputs.matrices();
  // H is 2 / images times the sum of squares, and the loss their mean over positions.
  const double factor =
      0.5 * static_cast<double>(inputs.images()) / static_cast<double>(inputs.positions());
  const std::vector<float> values = weight.original().to_row_major();
  const std::int64_t rows = weight.original().dim(0) / std::ssize(groups);
  std::vector<float> codes;
  LayerResult result;
  for (std::int64_t g = 0; g < std::ssize(groups); ++g) {
    const SquareMatrix& hessian = groups[static_cast<std::size_t>(g)];
    const GptqProblem problem = problem_of(weight, values, g * rows, rows);
    std::vector<double> chosen = nearest_codes(problem);
    const double nearest = factor * output_error(problem, chosen, hessian);
    const auto solution = solve(problem, hessian, options);
    result.singular_groups += solution ? 0 : 1;
    result.nearest += nearest;
    // With few codes, a row may end with a larger error than nearest rounding has.
    const double found =
        solution ? factor * output_error(problem, solution->codes, hessian) : nearest;
    if (found < nearest) chosen = solution->codes;
    result.chosen += std::min(found, nearest);
    std::ranges::transform(chosen, std::back_inserter(codes),
                           [](double q) { return static_cast<float>(q); });
  }
  weight.set_codes(Tensor::from_row_major<float>(weight.original().shape(), codes));
  return result;
}

}  // namespace

UnitReport gptq_unit(const layers::Graph& graph, const ReconstructionUnit& unit,
                     const ValueFlow& flow, const GptqOptions& options) {
  expect(suits_gptq(unit, options), "{}: gptq: expected fewer columns", unit.name());
  UnitReport report{.unit = unit.name()};
  for (std::size_t node = unit.begin; node < unit.end; ++node) {
    layers::QuantizedLayer* layer = graph.nodes()[node].module->as_quantized_layer();
    if (std::ranges::find(unit.layers, layer) == unit.layers.end()) continue;
    CodedWeight weight(*layer);
    const Shape& shape = weight.original().shape();
    const LayerResult result = gptq_layer(weight, hessian_of(graph, node, shape, flow), options);
    report.nearest += result.nearest;
    report.chosen += result.chosen;
    if (result.singular_groups > 0)
      report.note =
          fmt::format("kept nearest codes in {} groups: the Hessian is not positive definite",
                      result.singular_groups);
  }
  return report;
}

bool suits_gptq(const ReconstructionUnit& unit, const GptqOptions& options) {
  const std::int64_t most = options.order == "greedy" ? kMostGreedyColumns : kMostGptqColumns;
  return std::ranges::all_of(unit.layers, [most](const layers::QuantizedLayer* layer) {
    const Shape& weight = layer->weight().shape();
    return weight.numel() / weight[0] <= most;
  });
}

}  // namespace quench::ptq
