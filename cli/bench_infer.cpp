#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "bench/inference.h"
#include "bench/peaks.h"
#include "cli/bench.h"
#include "cli/parts/provenance.h"
#include "core/parallel.h"
#include "core/profiler.h"
#include "support/progress.h"

namespace quench::cli {
namespace {

struct BenchInferOptions {
  bench::InferenceCase inference_case;
  int threads = 0;
  bool json = false;
  bool profile = false;
};

void infer(const BenchInferOptions& options) {
  if (options.threads > 0) set_num_threads(options.threads);
  flush_denormals();
  const bench::InferenceCase& c = options.inference_case;
  const double peak = bench::measured_fma_peak(num_threads());
  enable_profiler(options.profile);
  ProgressBar bar;
  const bench::InferenceResult result = bench::time_inference(c);
  bar.clear();
  const double images = static_cast<double>(c.batch) / result.median_seconds;
  const double of_peak = 2.0 * result.macs * images / peak;
  if (options.json) {
    const nlohmann::json line{{"model", c.network.model},
                              {"width", c.network.width},
                              {"image_size", bench::input_of(c.network).height},
                              {"batch", c.batch},
                              {"threads", num_threads()},
                              {"median_ms", result.median_seconds * 1e3},
                              {"best_ms", result.best_seconds * 1e3},
                              {"unfused_median_ms", result.unfused_seconds * 1e3},
                              {"images_per_second", images},
                              {"fraction_of_fma_peak", of_peak},
                              {"runs", result.runs},
                              {"versions", provenance()}};
    fmt::print("{}\n", line.dump(2));
    return;
  }
  fmt::print("fp32 inference of {}, batch {}, {} threads, {} runs\n", bench::describe(c.network),
             c.batch, num_threads(), result.runs);
  fmt::print(
      "  fused    {:8.2f} ms median, {:.2f} ms best, {:.1f} images/s, {:.0f} % of the FMA peak\n",
      result.median_seconds * 1e3, result.best_seconds * 1e3, images, 100.0 * of_peak);
  fmt::print("  unfused  {:8.2f} ms median\n", result.unfused_seconds * 1e3);
  if (options.profile) print_profile(profile());
}

}  // namespace

void add_bench_infer(Subcommand& bench) {
  Subcommand command = bench.add_subcommand(
      "infer",
      "Latency of a float network, with the operations after each convolution fused into it");
  const auto options = std::make_shared<BenchInferOptions>();
  bench::InferenceCase& c = options->inference_case;
  command.add("--model", c.network.model, "Model (see quench list models) or ONNX file",
              {.show_default = true, .type_name = "NAME|FILE"});
  command.add("--width", c.network.width, "Width multiplier, for a model that has one",
              {.show_default = true, .min = kLeastWidth, .max = kMostWidth});
  command.add("--image-size", c.network.image_size, "Height and width of the images",
              {.show_default = true, .min = 1, .max = kMostPixels});
  command.add("--batch", c.batch, "Images per run",
              {.show_default = true, .min = 1, .max = kMostBatch});
  command.add("--seconds", c.seconds, "Seconds to repeat",
              {.show_default = true, .min = 0.0, .max = kMostSeconds});
  command.add("--threads", options->threads, "Threads (default: all cores)", thread_count());
  command.add("--json", options->json, "Print JSON");
  command.add("--profile", options->profile, "Print the time of each operation");
  command.run([options] { infer(*options); });
}

}  // namespace quench::cli
