#include "ptq/reconstruction/reconstruct.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/parallel.h"
#include "layers/graph.h"
#include "layers/quantizable_module.h"
#include "ptq/calibrate.h"
#include "ptq/reconstruction/coded_weight.h"
#include "ptq/reconstruction/descent.h"
#include "ptq/reconstruction/gptq_unit.h"
#include "ptq/reconstruction/trained_step.h"
#include "ptq/reconstruction/units.h"
#include "ptq/reconstruction/value_flow.h"
#include "support/error.h"
#include "support/progress.h"

namespace quench::ptq {
namespace {

/// One pass over all units.
struct Pass {
  bool by_gptq = false;
  DescentPlan descent;
  std::string suffix = {};  ///< appended to the units' names in the report
};

std::vector<Pass> passes_of(const ReconstructionOptions& options) {
  if (options.method == "gptq") return {{.by_gptq = true, .descent = options.weights}};
  if (options.method == "brecq")
    return {{.descent = options.weights}, {.descent = options.steps, .suffix = ", steps"}};
  return {{.descent = options.weights}};
}

void check_steps(layers::Module& network, const std::string& method) {
  layers::for_each_quantizer(network, [&](quant::Quantizer& quantizer) {
    if (quantizer.role() != quant::Role::activation || !quantizer.quantizes()) return;
    const quant::QuantGrid grid = quantizer.grid();
    const float step = grid.scale[0];
    const bool free = grid.levels.empty() && grid.offset == 0.0f &&
                      set_step(quantizer, 1.01f * step) && set_step(quantizer, step);
    require(free,
            "{}: {}: expected a method with evenly spaced codes and a free step, e.g. symmetric, "
            "affine or lsq, got {}",
            quantizer.slot(), method, quantizer.method());
  });
}

void check_weights(const std::vector<ReconstructionUnit>& units) {
  for (const ReconstructionUnit& unit : units)
    for (layers::QuantizedLayer* layer : unit.layers) CodedWeight check(*layer);
}

/// Quantizes the activations of finished units, if the method does so.
void quantize_activations(const layers::Graph& graph, const ReconstructionUnit& unit) {
  for (std::size_t node = unit.begin; node < unit.end; ++node)
    if (layers::QuantizableModule* module = graph.nodes()[node].module->as_quantizable())
      for (const auto& [slot, quantizer] : module->quantizers())
        if (quantizer->role() == quant::Role::activation)
          quantizer->set_mode(quant::Mode::evaluation);
}

class Reconstruction {
 public:
  Reconstruction(layers::Module& network, const ReconstructionOptions& options,
                 const Tensor& images, std::uint64_t seed, ReconstructionJournal* journal)
      : network_(network),
        options_(options),
        images_(images),
        journal_(journal),
        random_(seed, "reconstruction"),
        graph_(network),
        units_(options.blocks ? block_units(graph_, network) : layer_units(graph_)),
        // Half of the memory for each network.
        memory_(static_cast<std::int64_t>(options.memory_gib * 0x1p29)),
        floating_(graph_, images, memory_),
        passes_(passes_of(options)) {
    check_weights(units_);
    if (options.trains_steps()) check_steps(network, options.method);
  }

  ReconstructionReport run() {
    if (journal_ != nullptr) finished_ = journal_->restore(network_);
    begin_progress();
    for (std::size_t pass = 0; pass < passes_.size(); ++pass) run(pass);
    return {.method = options_.method, .units = finished_};
  }

 private:
  void run(std::size_t pass) {
    network_.set_quantizer_mode(quant::Mode::bypass);
    const Pass& plan = passes_[pass];
    ValueFlow quantized(graph_, images_, memory_);
    FloatFlow floating = floating_;
    for (std::size_t i = 0; i < units_.size(); ++i) {
      const ReconstructionUnit& unit = units_[i];
      const std::size_t index = pass * units_.size() + i;
      if (index >= finished_.size()) {
        quantized.advance(unit.begin);
        finished_.push_back(reconstructed(unit, plan, quantized, floating, random_.fork(index)));
        finished_.back().unit += plan.suffix;
        if (journal_ != nullptr) journal_->keep(network_, finished_);
      }
      if (plan.descent.steps) quantize_activations(graph_, unit);
    }
  }

  UnitReport reconstructed(const ReconstructionUnit& unit, const Pass& plan,
                           const ValueFlow& quantized, FloatFlow& floating,
                           const Random& random) const {
    const bool suits = !plan.by_gptq || suits_gptq(unit, options_.gptq);
    if (plan.by_gptq && suits) return gptq_unit(graph_, unit, quantized, options_.gptq);
    floating.advance(unit.begin);
    const FloatFlow inputs = floating;
    floating.advance(unit.end);
    UnitReport report = descend({graph_, unit, quantized, inputs, floating}, plan.descent, random);
    if (!suits && report.note.empty()) report.note = "used adaround: too many columns for gptq";
    return report;
  }

  std::int64_t work(const Pass& pass) const {
    return pass.by_gptq ? images_.dim(0) : pass.descent.iterations;
  }

  void begin_progress() const {
    const auto count = std::ssize(units_), done = std::ssize(finished_);
    std::int64_t total = 0, before = 0;
    for (std::int64_t pass = 0; pass < std::ssize(passes_); ++pass) {
      const std::int64_t each = work(passes_[static_cast<std::size_t>(pass)]);
      total += count * each;
      before += std::clamp<std::int64_t>(done - pass * count, 0, count) * each;
    }
    progress_bar().begin("reconstruction", total, before);
  }

  layers::Module& network_;
  const ReconstructionOptions& options_;
  Tensor images_;
  ReconstructionJournal* journal_;
  Random random_;
  layers::Graph graph_;
  std::vector<ReconstructionUnit> units_;
  std::int64_t memory_;
  FloatFlow floating_;
  std::vector<Pass> passes_;
  std::vector<UnitReport> finished_;
};

}  // namespace

ReconstructionReport reconstruct(layers::Module& network, const ReconstructionOptions& options,
                                 const Tensor& images, std::uint64_t seed,
                                 ReconstructionJournal* journal) {
  const FixedOrderScope order;
  // The weights now hold the values of their codes, so the float network computes with them.
  const layers::ModeGuard modes(network, false, quant::Mode::bypass);
  return Reconstruction(network, options, images, seed, journal).run();
}

void require_reconstructible(layers::Module& copy, const ReconstructionOptions& options) {
  calibrate_weights(copy, {.weights = {}, .activations = {}});
  check_weights(layer_units(layers::Graph(copy)));
  if (!options.trains_steps()) return;
  layers::for_each_quantizer(copy, [](quant::Quantizer& quantizer) {
    if (quantizer.role() != quant::Role::activation || !quantizer.quantizes()) return;
    // Whether the step is free does not depend on the range.
    constexpr quant::ValueRange kRange{.min = -1.0, .max = 1.0};
    if (quantizer.calibratable() != nullptr) {
      quantizer.calibratable()->calibrate({&kRange, 1});
    } else {
      quantizer.observe(Tensor::full({1}, 1.0f));
    }
  });
  check_steps(copy, options.method);
}

}  // namespace quench::ptq
