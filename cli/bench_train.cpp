#include <fmt/format.h>

#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "bench/train_step.h"
#include "cli/bench.h"
#include "cli/parts/provenance.h"
#include "core/parallel.h"
#include "core/profiler.h"
#include "kernels/isa.h"
#include "support/error.h"
#include "support/progress.h"

namespace quench::cli {
namespace {

struct BenchTrainOptions {
  bench::TrainStepCase step_case;
  bool all = true;      // no options describe a case: time the usual ones
  std::string methods;  // if set, compare these with fp32 instead
  std::string precision = "float32";
  std::string forward = "integer";
  int threads = 0;
  bool json = false;
  bool profile = false;
};

std::vector<bench::TrainStepCase> usual_cases(const BenchTrainOptions& options) {
  if (!options.all) return {options.step_case};
  std::vector<bench::TrainStepCase> cases;
  for (const auto& [width, batch] : {std::pair{0.25, 128}, std::pair{1.0, 64}}) {
    for (const char* method : {"none", "ste", "ab"}) {
      bench::TrainStepCase usual = options.step_case;
      usual.network.width = width;
      usual.batch = batch;
      usual.method = method;
      cases.push_back(usual);
    }
  }
  return cases;
}

bool is_float32(const bench::TrainStepCase& c) {
  return c.method == "none" && c.precision == Precision::float32;
}

/// What is timed, without the method.
nlohmann::json json_of(const bench::TrainStepCase& c) {
  return {{"model", c.network.model},
          {"width", c.network.width},
          {"batch", c.batch},
          {"image_size", bench::input_of(c.network).height},
          {"precision", name_of(c.precision)},
          {"forward", c.integer_forward ? "integer" : "float"},
          {"optimizer", c.optimizer},
          {"threads", num_threads()},
          {"versions", provenance()}};
}

nlohmann::json to_json(const bench::TrainStepCase& c, const bench::TrainStepResult& r) {
  nlohmann::json json = json_of(c);
  json.update({{"method", c.method},
               {"bits", c.bits},
               {"images_per_second", r.images_per_second},
               {"median_ms", r.median_seconds * 1e3},
               {"best_ms", r.best_seconds * 1e3},
               {"share_of_peak", r.share_of_peak},
               {"arithmetic", r.arithmetic},
               {"tensor_mib", static_cast<double>(r.tensor_bytes) / (1 << 20)},
               {"peak_rss_mib", static_cast<double>(r.resident_bytes) / (1 << 20)},
               {"rss_before_mib", static_cast<double>(r.resident_before) / (1 << 20)},
               {"huge_page_mib", static_cast<double>(r.huge_page_bytes) / (1 << 20)},
               {"system_allocations_after_step_2", r.late_allocations}});
  for (const ProfileEntry& entry : profile()) {
    json["profile"].push_back(
        {{"name", entry.name}, {"calls", entry.calls}, {"seconds", entry.seconds}});
  }
  return json;
}

void print_row(const bench::TrainStepCase& c, const bench::TrainStepResult& r, double speedup) {
  fmt::print("{:<12} {:>5} {:>5}  {:<9} {:<9} {:>8.1f} {:>8.1f} {:>7.2f} {:>6.0f} % {:>6} {:>6}\n",
             c.network.model, c.network.width, c.batch, c.method, name_of(c.precision),
             r.images_per_second, r.median_seconds * 1e3, speedup, 100.0 * r.share_of_peak,
             r.tensor_bytes >> 20, r.resident_bytes >> 20);
}

/// "layers by what multiplies forward: 8 avx512 vnni, 1 float32"
void print_arithmetic(const bench::TrainStepResult& result) {
  std::string text;
  for (const auto& [name, layers] : result.arithmetic)
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", layers, name);
  fmt::print("    layers by what multiplies forward: {}\n", text);
}

void bench_train(const BenchTrainOptions& options) {
  if (options.threads > 0) set_num_threads(options.threads);
  flush_denormals();
  nlohmann::json results = nlohmann::json::array();
  if (!options.json) {
    fmt::print("training step, {} threads, {} kernels\n", num_threads(),
               kernels::to_string(kernels::best_isa()));
    fmt::print("{:<12} {:>5} {:>5}  {:<9} {:<9} {:>8} {:>8} {:>7} {:>8} {:>6} {:>6}\n", "model",
               "width", "batch", "method", "precision", "images/s", "ms", "speedup", "of peak",
               "pool", "RSS");
  }
  enable_profiler(options.profile);
  ProgressBar bar;
  for (const bench::TrainStepCase& step_case : usual_cases(options)) {
    reset_profiler();
    const bench::TrainStepResult result = bench::time_train_step(step_case);
    if (options.json) {
      bar.clear();
      results.push_back(to_json(step_case, result));
      continue;
    }
    // Before the steps of the other network, which count as well.
    const std::vector<ProfileEntry> entries = profile();
    const double speedup = is_float32(step_case) ? 1.0 : bench::speedup_over_float32(step_case);
    bar.clear();
    print_row(step_case, result, speedup);
    if (options.profile) {
      print_arithmetic(result);
      print_profile(entries);
    }
  }
  if (options.json) {
    fmt::print("{}\n", results.dump(2));
  } else {
    fmt::print(
        "ms: median; speedup: over the float network's step in float32, in alternation; of peak: "
        "the time of the\nproducts alone at the peak of their instructions, over the median; pool: "
        "peak of the tensors in these\nsteps, RSS: of the process so far, in MiB\n");
  }
}

/// Splits "ste,lsq"; empty for "all".
std::vector<std::string> names_of(const std::string& methods) {
  std::vector<std::string> names;
  if (methods == "all") return names;
  std::istringstream text(methods);
  for (std::string name; std::getline(text, name, ',');) names.push_back(name);
  return names;
}

void bench_methods(const BenchTrainOptions& options) {
  require(options.step_case.method == "none",
          "bench train: expected --method or --methods, got both");
  if (options.threads > 0) set_num_threads(options.threads);
  flush_denormals();
  const bench::TrainStepCase& c = options.step_case;
  nlohmann::json results = nlohmann::json::array();
  if (!options.json) {
    fmt::print("training step of {} {}, batch {}, {} threads, alternating with fp32 steps\n",
               c.network.model, c.network.width, c.batch, num_threads());
    fmt::print("{:<12} {:>14} {:>10} {:>9}\n", "method", "bits w/a", "ms median", "time/fp32");
  }
  ProgressBar bar;
  bench::compare_methods(c, names_of(options.methods), [&](const bench::MethodCost& cost) {
    bar.clear();
    const double ms = cost.median_seconds * 1e3;
    if (options.json) {
      results.push_back(json_of(c));
      results.back().update({{"method", cost.method},
                             {"bits", cost.bits},
                             {"median_ms", ms},
                             {"ratio_to_fp32", cost.ratio}});
      return;
    }
    fmt::print("{:<12} {:>14} {:>10.1f} {:>9.2f}\n", cost.method, cost.bits, ms, cost.ratio);
    std::fflush(stdout);
  });
  if (options.json) fmt::print("{}\n", results.dump(2));
}

}  // namespace

void add_bench_train(Subcommand& bench) {
  Subcommand train =
      bench.add_subcommand("train", "Images per second of a training step, per model and method");
  const auto options = std::make_shared<BenchTrainOptions>();
  bench::TrainStepCase& step_case = options->step_case;
  const auto this_case = [options] { options->all = false; };
  const auto alone = [&](double min, double max) {
    return OptionForm{.min = min, .max = max, .when_given = this_case};
  };
  train.add("--model", step_case.network.model, "Model (see quench list models) or ONNX file",
            {.show_default = true, .type_name = "NAME|FILE"});
  train.add("--width", step_case.network.width, "Width multiplier: time only this case",
            alone(kLeastWidth, kMostWidth));
  train.add("--batch", step_case.batch, "Images per step: time only this case",
            alone(1, kMostBatch));
  train.add("--image-size", step_case.network.image_size,
            "Height and width of the images: time only this case", alone(1, kMostPixels));
  train.add("--method", step_case.method,
            "Quantizer of weights and activations: time only this case",
            {.type_name = "NAME", .when_given = this_case});
  train.add("--bits", step_case.bits, "Bits of weights and activations (default: the fewest)",
            {.min = 1, .max = 32});
  train.add("--methods", options->methods,
            "Quantizers to compare with fp32 in alternating steps: names, or all",
            {.type_name = "all|NAME,NAME"});
  train.add("--precision", options->precision,
            "Operands of products: float32 or bfloat16 (train.precision)",
            {.show_default = true, .type_name = "NAME", .when_given = this_case});
  train.add("--forward", options->forward, "Forward products: integer or float (train.forward)",
            {.show_default = true, .type_name = "NAME", .when_given = this_case});
  train.add("--optimizer", step_case.optimizer, "sgd (momentum 0.9), adam or adamw",
            {.show_default = true, .type_name = "NAME"});
  train.add("--steps", step_case.steps, "Timed steps, after two warm-up steps",
            {.show_default = true, .min = 1, .max = kMostSteps});
  train.add("--threads", options->threads, "Threads (default: all cores)", thread_count());
  train.add("--json", options->json, "Print JSON");
  train.add("--profile", options->profile, "Print the time of each operation");
  train.run([options] {
    options->step_case.precision = find_precision(options->precision, "bench train --precision");
    require(options->forward == "integer" || options->forward == "float",
            "bench train --forward: expected integer or float, got {}", options->forward);
    options->step_case.integer_forward = options->forward == "integer";
    if (options->methods.empty()) return bench_train(*options);
    bench_methods(*options);
  });
}

}  // namespace quench::cli
