#include "ptq/reconstruction/reconstruct.h"

#include <fmt/format.h>

#include "layers/graph.h"
#include "ptq/reconstruction/gptq_unit.h"
#include "ptq/reconstruction/units.h"
#include "ptq/reconstruction/value_flow.h"
#include "support/error.h"
#include "support/progress.h"

namespace quench {

ReconstructionReport reconstruct(Module& network, const ReconstructionOptions& options,
                                 const Tensor& images) {
  // Weights hold the values of their codes, so the float network computes with them.
  const ModeGuard modes(network, false, quant::Mode::bypass);
  const Graph graph(network);
  const std::vector<ReconstructionUnit> units = layer_units(graph);
  ValueFlow flow(graph, images, static_cast<std::int64_t>(options.memory_gib * 0x1p30));
  progress_bar().begin("reconstruction", std::ssize(units) * flow.images());
  ReconstructionReport report{.method = options.method};
  for (const ReconstructionUnit& unit : units) {
    flow.advance(unit.begin);
    report.units.push_back(gptq_unit(graph, unit, flow, options.gptq));
    progress_bar().set_note(
        fmt::format("{} loss {:.3g}", report.units.back().unit, report.units.back().chosen));
  }
  return report;
}

}  // namespace quench
