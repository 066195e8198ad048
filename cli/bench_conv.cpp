#include <fmt/format.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>

#include "bench/conv_kernels.h"
#include "bench/peaks.h"
#include "cli/bench.h"
#include "cli/parts/provenance.h"
#include "core/parallel.h"
#include "support/error.h"
#include "support/progress.h"
#include "support/text_table.h"

namespace quench::cli {
namespace {

struct BenchConvOptions {
  std::string shapes = "binarynet";
  std::string types = "f32,u8s8,u8s4,u4s4,b1";
  std::string isa;
  int threads = 0;
  double seconds = 0.05;
  bool json = false;
};

struct Layer {
  bench::ConvLayer layer;
  std::vector<bench::ConvTiming> timings;
};

std::vector<bench::ConvType> types_of(const BenchConvOptions& options) {
  std::vector<bench::ConvType> types;
  std::istringstream names(options.types);
  for (std::string name; std::getline(names, name, ',');) types.push_back(bench::conv_type(name));
  require(!types.empty(), "bench conv: expected types");
  return types;
}

kernels::Isa isa_of(const BenchConvOptions& options) {
  for (const kernels::Isa isa : {kernels::Isa::avx2, kernels::Isa::avx512})
    if (options.isa == kernels::to_string(isa)) return isa;
  return kernels::best_isa();
}

bool is_float(const bench::ConvType& type) { return type.input_max == 0; }

double product_rate(const bench::ConvLayer& layer, const bench::ConvTiming& timing) {
  return 2.0 * layer.macs() / timing.min_seconds;
}

/// Ratio of f32's median to the type's; 0 if f32 was not timed.
double ratio_to_f32(const Layer& layer, const bench::ConvTiming& timing) {
  for (const bench::ConvTiming& f32 : layer.timings)
    if (is_float(f32.type)) return f32.median_seconds / timing.median_seconds;
  return 0.0;
}

/// The machine's peak rates, each measured on first use.
class Peaks {
 public:
  double of(const bench::ConvTiming& timing) {
    const auto [peak, is_new] = peaks_.try_emplace(timing.kernel, 0.0);
    if (is_new) {
      peak->second = is_float(timing.type)
                         ? bench::measured_fma_peak(num_threads())
                         : bench::measured_kernel_peak(timing.kernel, num_threads());
    }
    return peak->second;
  }
  double bandwidth() const { return bandwidth_; }

 private:
  std::map<std::string, double> peaks_;
  double bandwidth_ = bench::measured_read_bandwidth(num_threads());
};

std::string percent(double fraction) {
  return fraction > 0.0 ? fmt::format("{:.0f} %", 100.0 * fraction) : "-";
}

void print_table(const std::vector<Layer>& layers, Peaks& peaks) {
  using enum TextTable::Align;
  TextTable table({{"layer", left},
                   {"count", right},
                   {"type", left},
                   {"kernel", left},
                   {"min us", right},
                   {"median us", right},
                   {"GOP/s", right},
                   {"to f32", right},
                   {"of peak", right},
                   {"of memory", right},
                   {"exact", left}});
  for (const Layer& layer : layers) {
    for (const bench::ConvTiming& t : layer.timings) {
      const double rate = product_rate(layer.layer, t), peak = peaks.of(t);
      const double ratio = ratio_to_f32(layer, t);
      table.add({layer.layer.name, fmt::format("{}", layer.layer.count), std::string(t.type.name),
                 t.kernel, fmt::format("{:.1f}", t.min_seconds * 1e6),
                 fmt::format("{:.1f}", t.median_seconds * 1e6), fmt::format("{:.1f}", rate * 1e-9),
                 ratio > 0.0 ? fmt::format("{:.2f}", ratio) : "-",
                 percent(peak > 0.0 ? rate / peak : 0.0),
                 percent(t.bytes / t.min_seconds / peaks.bandwidth()),
                 is_float(t.type) ? "-"
                 : t.exact        ? "yes"
                                  : "NO"});
    }
  }
  fmt::print("{}\n", table.plain());
}

/// The geometric mean of the ratios to f32 over the layers that `chosen` selects.
template <typename Chosen>
std::string mean_ratio(const std::vector<Layer>& layers, std::size_t type, Chosen chosen) {
  double logs = 0.0;
  int count = 0;
  for (const Layer& layer : layers) {
    if (!chosen(layer.layer)) continue;
    logs += layer.layer.count * std::log(ratio_to_f32(layer, layer.timings[type]));
    count += layer.layer.count;
  }
  return count > 0 ? fmt::format("{:.2f}", std::exp(logs / count)) : "-";
}

void print_means(const std::vector<Layer>& layers, const std::vector<bench::ConvType>& types) {
  if (ratio_to_f32(layers.front(), layers.front().timings.front()) == 0.0) return;
  using enum TextTable::Align;
  TextTable table({{"type", left},
                   {"dense, to f32", right},
                   {"depthwise, to f32", right},
                   {"all layers, ms", right}});
  for (std::size_t type = 0; type < types.size(); ++type) {
    double total = 0.0;
    for (const Layer& layer : layers)
      total += layer.layer.count * layer.timings[type].median_seconds;
    const auto depthwise = [](const bench::ConvLayer& layer) { return layer.depthwise(); };
    table.add({std::string(types[type].name),
               mean_ratio(layers, type, [&](const auto& layer) { return !depthwise(layer); }),
               mean_ratio(layers, type, depthwise), fmt::format("{:.3f}", total * 1e3)});
  }
  fmt::print("geometric means over the layers of the ratios of medians\n{}", table.plain());
}

nlohmann::json positive_or_null(double value) {
  return value > 0.0 ? nlohmann::json(value) : nlohmann::json(nullptr);
}

/// In google-benchmark's format, so its tools can read it.
void print_json(const std::vector<Layer>& layers, Peaks& peaks, kernels::Isa isa) {
  nlohmann::json benchmarks = nlohmann::json::array();
  for (const Layer& layer : layers) {
    for (const bench::ConvTiming& t : layer.timings) {
      const std::string name = fmt::format("{}/{}", layer.layer.name, t.type.name);
      benchmarks.push_back(
          {{"name", name},
           {"run_name", name},
           {"run_type", "iteration"},
           {"repetitions", 1},
           {"threads", num_threads()},
           {"iterations", t.runs},
           {"real_time", t.median_seconds * 1e6},
           {"cpu_time", t.median_seconds * 1e6 * num_threads()},
           {"time_unit", "us"},
           {"label", t.kernel},
           {"min_time_us", t.min_seconds * 1e6},
           {"count", layer.layer.count},
           {"ops_per_second", product_rate(layer.layer, t)},
           {"peak_ops_per_second", positive_or_null(peaks.of(t))},
           {"bytes_per_second", t.bytes / t.min_seconds},
           {"ratio_to_f32", positive_or_null(ratio_to_f32(layer, t))},
           {"exact", is_float(t.type) ? nlohmann::json(nullptr) : nlohmann::json(t.exact)}});
    }
  }
  const nlohmann::json report{{"context",
                               {{"executable", "quench bench conv"},
                                {"num_cpus", num_threads()},
                                {"isa", kernels::to_string(isa)},
                                {"versions", provenance()},
                                {"memory_bytes_per_second", peaks.bandwidth()}}},
                              {"benchmarks", benchmarks}};
  fmt::print("{}\n", report.dump(2));
}

/// Limits oneDNN to the same instruction set; it reads the variable on first use.
void limit_onednn(kernels::Isa isa) {
  if (isa == kernels::Isa::avx2) setenv("ONEDNN_MAX_CPU_ISA", "AVX2", 0);
}

void conv(const BenchConvOptions& options) {
  const std::vector<bench::ConvType> types = types_of(options);
  const kernels::Isa isa = isa_of(options);
  limit_onednn(isa);
  if (options.threads > 0) set_num_threads(options.threads);
  flush_denormals();
  const bool one = options.shapes.find(',') != std::string::npos;
  const std::vector<bench::ConvLayer> shapes =
      one ? std::vector{bench::parse_layer(options.shapes)} : bench::network_layers(options.shapes);
  std::vector<Layer> layers;
  ProgressBar bar;
  bar.begin("layers", std::ssize(shapes));
  for (const bench::ConvLayer& layer : shapes) {
    layers.push_back({layer, bench::time_layer(layer, types, isa, options.seconds)});
    bar.advance();
  }
  Peaks peaks;
  bar.clear();
  if (options.json) {
    print_json(layers, peaks, isa);
    return;
  }
  const char* onednn = std::getenv("ONEDNN_MAX_CPU_ISA");
  fmt::print("{}, {} threads, oneDNN (f32): {}; memory {:.1f} GB/s\n", kernels::to_string(isa),
             num_threads(), onednn == nullptr ? "its best" : onednn, peaks.bandwidth() * 1e-9);
  print_table(layers, peaks);
  print_means(layers, types);
}

}  // namespace

void add_bench_conv(Subcommand& bench) {
  Subcommand command = bench.add_subcommand(
      "conv", "Speed and exactness of integer convolutions, compared with oneDNN's float32");
  const auto options = std::make_shared<BenchConvOptions>();
  const OptionForm shown{.show_default = true};
  command.add("--shapes", options->shapes,
              "binarynet, mobilenet_v1, resnet50, or one shape N,C,H,W,O,K,S,G",
              {.show_default = true, .type_name = "NAME|SHAPE"});
  command.add("--types", options->types,
              "Types of codes and weights, from f32, u8s8, u8s4, u4s4, b1",
              {.show_default = true, .type_name = "LIST"});
  command.add("--isa", options->isa, "Instruction set (default: the best)",
              {.choices = {"avx2", "avx512"}});
  command.add("--threads", options->threads, "Threads (default: all cores)", thread_count());
  command.add("--seconds", options->seconds, "Seconds to time each layer",
              {.show_default = true, .min = 0.0, .max = kMostSeconds});
  command.add("--json", options->json, "Print JSON as google-benchmark does");
  command.run([options] { conv(*options); });
}

}  // namespace quench::cli
