#include "ptq/reconstruction/descent.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <numbers>
#include <numeric>
#include <vector>

#include "autograd/arithmetic.h"
#include "autograd/loss.h"
#include "layers/quantizable_module.h"
#include "ptq/reconstruction/adam.h"
#include "ptq/reconstruction/coded_weight.h"
#include "ptq/reconstruction/fisher.h"
#include "ptq/reconstruction/rounding.h"
#include "ptq/reconstruction/trained_step.h"
#include "support/error.h"
#include "support/progress.h"

namespace quench::ptq {
namespace {

using Rows = std::span<const std::int64_t>;

/// The weights of a unit, and the rounding variable of each.
class UnitWeights {
 public:
  UnitWeights(const ReconstructionUnit& unit, const DescentPlan& plan) {
    if (plan.rounding == DescentPlan::Rounding::fixed) return;
    for (layers::QuantizedLayer* layer : unit.layers) {
      weights_.emplace_back(*layer);
      variables_.push_back(make(weights_.back(), plan));
    }
  }

  void set_nearest() {
    for (CodedWeight& weight : weights_)
      weight.set_codes(quant::centered_codes(weight.original(), weight.grid()));
  }
  void set_variables() {
    for (std::size_t i = 0; i < weights_.size(); ++i) weights_[i].set(variables_[i]->weight());
  }
  void set_chosen() {
    for (std::size_t i = 0; i < weights_.size(); ++i) weights_[i].set_codes(variables_[i]->codes());
  }
  void step(std::int64_t iteration, double loss) {
    for (std::size_t i = 0; i < weights_.size(); ++i)
      if (const Tensor grad = weights_[i].gradient(); grad.defined())
        variables_[i]->step(iteration, loss, grad);
  }

 private:
  static std::unique_ptr<RoundingVariable> make(const CodedWeight& weight,
                                                const DescentPlan& plan) {
    if (plan.rounding == DescentPlan::Rounding::offset)
      return std::make_unique<OffsetRounding>(
          weight.original(), weight.grid(),
          OffsetRounding::Options{.lr = plan.lr, .iterations = plan.iterations});
    return std::make_unique<SoftRounding>(
        weight.original(), weight.grid(),
        SoftRounding::Options{
            .lr = plan.lr,
            .regularization = plan.regularization,
            .schedule = {
                .iterations = plan.iterations, .warm_up = plan.warm_up, .cosine = plan.cosine}});
  }

  std::vector<CodedWeight> weights_;
  std::vector<std::unique_ptr<RoundingVariable>> variables_;
};

/// Replaces the activation quantizers of a unit by trained steps while it is alive.
class UnitSteps {
 public:
  UnitSteps(const layers::Graph& graph, const ReconstructionUnit& unit, const DescentPlan& plan,
            const Random& random) {
    if (!plan.steps) return;
    for (std::size_t node = unit.begin; node < unit.end; ++node) {
      layers::QuantizableModule* module = graph.nodes()[node].module->as_quantizable();
      if (module == nullptr) continue;
      for (std::size_t input = 0; input < module->input_count(); ++input)
        if (module->input_quantizer(input).quantizes()) replace(*module, input, plan, random);
    }
  }
  ~UnitSteps() {
    for (const Slot& slot : slots_) slot.module->set_input_quantizer(slot.original, slot.input);
  }
  UnitSteps(const UnitSteps&) = delete;
  UnitSteps& operator=(const UnitSteps&) = delete;

  void set_keep(double keep) {
    for (const Step& step : steps_) step.variable->set_keep(keep);
  }
  void step(double lr) {
    for (Step& step : steps_) {
      Variable size = step.variable->step_size();
      if (size.grad().defined()) step.adam.step(size.mutable_value(), size.grad(), lr);
      step.variable->clamp();
      size.zero_grad();
    }
  }
  /// Copies the trained steps to the quantizers.
  void commit() {
    for (const Step& step : steps_)
      expect(set_step(*step.original, step.variable->step_size().value().item()),
             "{}: the quantizer did not accept its trained step", step.original->slot());
  }

 private:
  struct Step {
    std::shared_ptr<quant::Quantizer> original;
    std::shared_ptr<TrainedStep> variable;
    Adam adam;
  };
  struct Slot {
    layers::QuantizableModule* module;
    std::size_t input;
    std::shared_ptr<quant::Quantizer> original;
  };

  void replace(layers::QuantizableModule& module, std::size_t input, const DescentPlan& plan,
               const Random& random) {
    quant::Quantizer& original = module.input_quantizer(input);
    const auto known =
        std::ranges::find(steps_, &original, [](const Step& step) { return step.original.get(); });
    // Two inputs that share a quantizer share its step.
    auto variable = known != steps_.end() ? known->variable
                                          : std::make_shared<TrainedStep>(
                                                original, plan.keep, random.fork(steps_.size()));
    slots_.push_back({&module, input, module.set_input_quantizer(variable, input)});
    if (known == steps_.end()) steps_.push_back({slots_.back().original, variable, Adam({1})});
  }

  std::vector<Step> steps_;
  std::vector<Slot> slots_;
};

/// Draws some of `count` images for each iteration.
class Draw {
 public:
  Draw(std::int64_t count, std::int64_t batch, Random random)
      : order_(static_cast<std::size_t>(count)),
        batch_(static_cast<std::size_t>(std::min(count, batch))),
        random_(random) {
    std::iota(order_.begin(), order_.end(), 0);
  }
  Rows next() {
    for (std::size_t i = 0; i < batch_; ++i) {
      const auto left = static_cast<std::uint32_t>(order_.size() - i);
      std::swap(order_[i], order_[i + random_.below(left)]);
    }
    return Rows(order_).first(batch_);
  }

 private:
  std::vector<std::int64_t> order_;
  std::size_t batch_;
  Random random_;
};

class UnitDescent {
 public:
  UnitDescent(const UnitFlows& flows, const DescentPlan& plan, const Random& random)
      : flows_(flows),
        plan_(plan),
        weights_(flows.unit, plan),
        steps_(flows.graph, flows.unit, plan, random.fork(0)),
        draw_(flows.quantized.images(), plan.batch_size, random.fork(1)),
        dropped_inputs_(random.fork(2)) {}

  UnitReport run() {
    UnitReport report{.unit = flows_.unit.name()};
    weights_.set_nearest();
    if (plan_.fisher != Fisher::none)
      fisher_ = fisher_weights(flows_.graph, flows_.unit, flows_.quantized, flows_.float_targets);
    report.nearest = report.chosen = loss_of_all();
    const std::int64_t stopped = iterate(report.unit);
    if (stopped > 0) {
      weights_.set_nearest();
      report.note =
          fmt::format("kept nearest codes: the loss of iteration {} is not finite", stopped);
      return report;
    }
    weights_.set_chosen();
    report.chosen = loss_of_all();
    if (report.chosen < report.nearest) {
      steps_.commit();
      return report;
    }
    report.note =
        fmt::format("kept nearest codes: the codes found have loss {:.4g}", report.chosen);
    report.chosen = report.nearest;
    weights_.set_nearest();
    return report;
  }

 private:
  /// @return 0, or the iteration whose loss is not finite
  std::int64_t iterate(const std::string& name) {
    steps_.set_keep(plan_.keep);
    for (std::int64_t t = 1; t <= plan_.iterations; ++t) {
      const Rows rows = draw_.next();
      weights_.set_variables();
      const Variable loss = loss_of(rows, inputs(rows));
      const auto value = double{loss.value().item()};
      if (!std::isfinite(value)) {
        progress_bar().advance(plan_.iterations - t + 1);
        return t;
      }
      loss.backward();
      weights_.step(t, value);
      const double done = static_cast<double>(t - 1) / static_cast<double>(plan_.iterations);
      steps_.step(plan_.step_lr * 0.5 * (1.0 + std::cos(std::numbers::pi * done)));
      forget_gradients();
      progress_bar().set_note(fmt::format("{} loss {:.3g}", name, value));
      progress_bar().advance();
    }
    return 0;
  }

  /// The unit's inputs for an iteration: those of the quantized network, with some elements
  /// dropped.
  Values inputs(Rows rows) {
    Values values = flows_.quantized.at(flows_.unit.begin, rows);
    if (plan_.keep >= 1.0) return values;
    const Values floating = flows_.floating.at(flows_.unit.begin, rows);
    for (auto& [id, value] : values) {
      Tensor uniform(value.shape());
      dropped_inputs_.fill_uniform(uniform.span());
      value = mix(value, floating.at(id), uniform, plan_.keep);
    }
    return values;
  }

  Variable loss_of(Rows rows, Values values) const {
    const Values targets = flows_.float_targets.at(flows_.unit.end, rows);
    const Values outputs =
        run_nodes(flows_.graph, flows_.unit.begin, flows_.unit.end, std::move(values));
    Variable total;
    for (const layers::ValueId id : flows_.unit.outputs) {
      const Tensor& target = targets.at(id).value();
      const Variable loss =
          plan_.fisher == Fisher::none
              ? lp_loss(outputs.at(id), target, static_cast<float>(plan_.norm))
              : fisher_loss(outputs.at(id), target, rows_of(fisher_.at(id), rows), plan_.fisher);
      total = total.defined() ? add(total, loss) : loss;
    }
    return total;
  }

  /// The loss over all images, with everything quantized.
  double loss_of_all() {
    const NoGradGuard no_grad;
    steps_.set_keep(1.0);
    double sum = 0.0;
    for_each_piece(flows_.quantized.images(), [&](Rows rows) {
      const Variable loss = loss_of(rows, flows_.quantized.at(flows_.unit.begin, rows));
      sum += double{loss.value().item()} * static_cast<double>(rows.size());
    });
    return sum / static_cast<double>(flows_.quantized.images());
  }

  /// Clears the gradients of all parameters of the unit, including batch norms and biases.
  void forget_gradients() {
    for (std::size_t node = flows_.unit.begin; node < flows_.unit.end; ++node)
      for (layers::Parameter& parameter : flows_.graph.nodes()[node].module->parameters())
        parameter.value.zero_grad();
  }

  UnitFlows flows_;
  DescentPlan plan_;
  UnitWeights weights_;
  UnitSteps steps_;
  Draw draw_;
  Random dropped_inputs_;
  std::map<layers::ValueId, Tensor> fisher_;  // of the unit's outputs, if the loss is Fisher's
};

}  // namespace

UnitReport descend(const UnitFlows& flows, const DescentPlan& plan, Random random) {
  return UnitDescent(flows, plan, random).run();
}

}  // namespace quench::ptq
