#include "ptq/reconstruction/gptq_unit.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <variant>

#include "layers/conv2d.h"
#include "ptq/reconstruction/coded_weight.h"
#include "ptq/reconstruction/input_hessian.h"
#include "support/progress.h"

namespace quench {
namespace {

std::vector<SquareMatrix> hessians(const Graph& graph, std::size_t node, const Shape& weight,
                                   const ValueFlow& flow) {
  const Graph::Node& layer = graph.nodes()[node];
  const auto* convolution = std::get_if<Conv2d*>(&layer.layer);
  InputHessian hessian(weight,
                       convolution == nullptr ? Conv2dParams{} : (*convolution)->options().params);
  for_each_piece(flow.images(), [&](std::span<const std::int64_t> images) {
    hessian.add(flow.at(node, images).at(layer.inputs[0]).value());
    progress_bar().advance(std::ssize(images));
  });
  return hessian.matrices();
}

/// The rows of one group. The weight and its codes are in row-major order, as H is.
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

LayerResult gptq_layer(CodedWeight& weight, const std::vector<SquareMatrix>& groups,
                       const GptqOptions& options) {
  const std::vector<float> values = weight.original().to_row_major();
  const std::int64_t rows = weight.original().dim(0) / std::ssize(groups);
  std::vector<float> codes;
  LayerResult result;
  for (std::int64_t g = 0; g < std::ssize(groups); ++g) {
    const SquareMatrix& hessian = groups[static_cast<std::size_t>(g)];
    const GptqProblem problem = problem_of(weight, values, g * rows, rows);
    std::vector<double> chosen = nearest_codes(problem);
    // H is 2 / N times the sum of squares, and the loss their mean.
    const double nearest = output_error(problem, chosen, hessian) / 2.0;
    const auto solution = solve(problem, hessian, options);
    if (solution) chosen = solution->codes;
    result.singular_groups += solution ? 0 : 1;
    result.nearest += nearest;
    result.chosen += solution ? output_error(problem, chosen, hessian) / 2.0 : nearest;
    std::ranges::transform(chosen, std::back_inserter(codes),
                           [](double q) { return static_cast<float>(q); });
  }
  weight.set_codes(Tensor::from_row_major<float>(weight.original().shape(), codes));
  return result;
}

}  // namespace

UnitReport gptq_unit(const Graph& graph, const ReconstructionUnit& unit, const ValueFlow& flow,
                     const GptqOptions& options) {
  UnitReport report{.unit = unit.name()};
  for (std::size_t node = unit.begin; node < unit.end; ++node) {
    QuantizedLayer* layer = graph.nodes()[node].module->as_quantized_layer();
    if (std::ranges::find(unit.layers, layer) == unit.layers.end()) continue;
    CodedWeight weight(*layer);
    const Shape& shape = weight.original().shape();
    const std::int64_t columns = shape.numel() / shape[0];
    const std::int64_t most = options.order == "greedy" ? kMostGreedyColumns : kMostGptqColumns;
    if (columns > most) {
      report.note = fmt::format("nearest codes: {} columns, more than {}", columns, most);
      weight.set_codes(quant::centered_codes(weight.original(), weight.grid()));
      continue;
    }
    const LayerResult result = gptq_layer(weight, hessians(graph, node, shape, flow), options);
    report.nearest += result.nearest;
    report.chosen += result.chosen;
    if (result.singular_groups > 0)
      report.note = fmt::format("nearest codes in {} groups: the Hessian is not positive definite",
                                result.singular_groups);
  }
  return report;
}

}  // namespace quench
