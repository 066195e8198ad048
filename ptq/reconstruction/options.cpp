#include "ptq/reconstruction/options.h"

#include <vector>

namespace quench::ptq {
namespace {

constexpr IntRange kOneOrMore{.min = 1};

GptqOptions read_gptq(const Settings& s) {
  GptqOptions options;
  options.damping = s.number({"damping", "times the mean of the Hessian's diagonal, added to it"},
                             options.damping, above(0.0));
  options.order = s.choice({"order",
                            "of columns: by falling diagonal, as they are, or the cheapest next "
                            "(OBQ, up to 1024 columns)"},
                           options.order, {"activation", "index", "greedy"});
  return options;
}

void read_descent(const Settings& s, ReconstructionOptions& options) {
  const std::string& method = options.method;
  DescentPlan& plan = options.weights;
  const bool offset = method == "rounding_offset", blocks = options.trains_steps();
  options.blocks =
      s.choice({"units",
                "what is optimized together: one layer, or a block such as that of a residual sum"},
               blocks ? "block" : "layer", {"layer", "block"}) == "block";
  // SignRound's defaults; it uses only the sign of the gradient.
  if (offset) plan = {.rounding = DescentPlan::Rounding::offset, .iterations = 200, .lr = 5e-3};
  plan.iterations = s.integer({"iterations", "of each unit"}, plan.iterations, kOneOrMore);
  plan.batch_size = s.integer({"batch_size", "images per iteration"}, plan.batch_size, kOneOrMore);
  plan.lr = s.number({"lr", "learning rate of the rounding"}, plan.lr, above(0.0));
  if (offset) return;
  plan.regularization = s.number({"regularization", "pull towards codes that are down or up"},
                                 plan.regularization, at_least(0.0));
  plan.warm_up =
      s.number({"warm_up", "share of the iterations without it"}, plan.warm_up, {0.0, 0.999});
  plan.cosine = s.choice({"decay", "how its exponent falls from 20 to 2"}, "linear",
                         {"linear", "cosine"}) == "cosine";
  if (method == "qdrop") {
    plan.steps = true;
    plan.keep = s.number({"keep", "share of activations that are quantized in an iteration"}, 0.5,
                         above(0.0, 1.0));
    plan.step_lr = s.number({"step_lr", "learning rate of the steps of activations"}, plan.step_lr,
                            above(0.0));
  }
  if (method == "brecq") {
    // The weights alone have this loss, as in the authors' code.
    options.steps = plan;
    const std::string fisher = s.choice(
        {"fisher", "weighs the loss of the codes by the gradient of the logits' divergence"},
        "none", {"none", "diagonal", "full"});
    if (fisher != "none") plan.fisher = fisher == "full" ? Fisher::full : Fisher::diagonal;
    options.steps.rounding = DescentPlan::Rounding::fixed;
    options.steps.steps = true;
    options.steps.norm = 2.4;
    options.steps.iterations = s.integer(
        {"step_iterations", "iterations that train the steps of activations, after the codes"}, 500,
        kOneOrMore);
    options.steps.step_lr =
        s.number({"step_lr", "learning rate of the steps of activations"}, 4e-4, above(0.0));
  }
}

}  // namespace

const std::vector<std::string>& reconstruction_methods() {
  static const std::vector<std::string> methods{"gptq", "adaround", "brecq", "qdrop",
                                                "rounding_offset"};
  return methods;
}

ReconstructionOptions read_reconstruction(const Settings& calibration) {
  const std::vector<std::string>& methods = reconstruction_methods();
  std::vector<std::string> accepted{"none"};
  accepted.insert(accepted.end(), methods.begin(), methods.end());
  ReconstructionOptions options;
  options.method = calibration.choice({"reconstruct", "codes of weights other than the nearest"},
                                      options.method, accepted);
  options.memory_gib = calibration.number(
      {"reconstruct_memory", "GiB for outputs of all calibration images; the rest is recomputed"},
      options.memory_gib, above(0.0));
  // A config may contain the tables of several methods, to compare them.
  for (const std::string& method : methods)
    if (method != options.method) calibration.allow(method);
  if (!options.wanted()) return options;
  const Settings table = calibration.table(options.method);
  if (options.method == "gptq") {
    options.gptq = read_gptq(table);
  } else {
    read_descent(table, options);
  }
  table.finish();
  return options;
}

}  // namespace quench::ptq
