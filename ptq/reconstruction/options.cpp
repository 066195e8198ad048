#include "ptq/reconstruction/options.h"

#include <vector>

namespace quench {
namespace {

GptqOptions read_gptq(const Settings& s) {
  GptqOptions options;
  options.damping = s.number("damping", options.damping, above(0.0));
  options.order = s.choice("order", options.order, {"activation", "index", "greedy"});
  s.finish();
  return options;
}

}  // namespace

ReconstructionOptions read_reconstruction(const Settings& calibration) {
  ReconstructionOptions options;
  options.method = calibration.choice("reconstruct", options.method, {"none", "gptq"});
  options.memory_gib = calibration.number("reconstruct_memory", options.memory_gib, above(0.0));
  options.gptq = read_gptq(calibration.table("gptq"));
  return options;
}

}  // namespace quench
