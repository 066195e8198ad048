#include <fmt/format.h>

#include <cmath>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>

#include "bench/deployed.h"
#include "cli/bench.h"
#include "cli/parts/provenance.h"
#include "core/parallel.h"
#include "deploy/network/model_file.h"
#include "experiments/experiment.h"
#include "experiments/runs/deployed.h"
#include "layers/module.h"
#include "support/console.h"
#include "support/error.h"
#include "support/progress.h"
#include "support/text_table.h"

namespace quench::cli {
namespace {

struct BenchNetOptions {
  std::string file;
  std::string graph;
  bench::NetworkCase network{.model = "", .image_size = 224};
  int weight_bits = 8, activation_bits = 8;
  double seconds = 3.0;
  int threads = 0;
  bool json = false;
};

/// The float network of the model's experiment; its weights do not affect time.
std::unique_ptr<layers::Module> float_network(const deploy::IntegerNetwork& network,
                                              const BenchNetOptions& options) {
  experiments::ExperimentConfig config = experiments::experiment_of(network, options.file);
  config.quant = {};
  if (!options.graph.empty()) config.model.onnx = options.graph;
  if (const auto& graph = config.model.onnx; !graph.empty() && !std::filesystem::exists(graph)) {
    fail("{}: the network's ONNX file {} does not exist; --network gives its new path",
         options.file, graph.string());
  }
  const auto classes = static_cast<int>(network.values[network.output].channels);
  auto result = experiments::build_network(
      config, {.image = experiments::image_shape(config), .classes = classes});
  result->set_training(false);
  return result;
}

nlohmann::json to_json(const std::string& model, const bench::DeployedTimes& times) {
  nlohmann::json operations = nlohmann::json::array();
  for (const bench::OperationTime& operation : times.operations) {
    operations.push_back({{"name", operation.name},
                          {"kind", operation.kind},
                          {"kernel", operation.kernel},
                          {"macs", std::llround(operation.macs)},
                          {"median_us", operation.seconds * 1e6},
                          {"float_median_us", nullptr}});
    // fp32 times convolutions only; the other operations are fused into them.
    if (operation.float_seconds > 0.0)
      operations.back()["float_median_us"] = operation.float_seconds * 1e6;
  }
  return {{"model", model},
          {"threads", num_threads()},
          {"median_ms", times.seconds * 1e3},
          {"best_ms", times.best_seconds * 1e3},
          {"float_median_ms", times.float_seconds * 1e3},
          {"float_best_ms", times.best_float_seconds * 1e3},
          {"runs", times.runs},
          {"operations", operations},
          {"versions", provenance()}};
}

void print(const std::string& model, const bench::DeployedTimes& times) {
  constexpr auto kRight = TextTable::Align::right;
  TextTable table({{"layer"},
                   {"computes"},
                   {"kernel"},
                   {"MACs", kRight},
                   {"us", kRight},
                   {"fp32 us", kRight},
                   {"x fp32", kRight},
                   {"GOP/s", kRight}});
  for (const bench::OperationTime& operation : times.operations) {
    std::vector<std::string> cells{operation.name, operation.kind, operation.kernel};
    if (operation.macs > 0.0) {
      cells.push_back(fmt::format("{:.0f}", operation.macs));
      cells.push_back(fmt::format("{:.1f}", operation.seconds * 1e6));
      cells.push_back(fmt::format("{:.1f}", operation.float_seconds * 1e6));
      cells.push_back(fmt::format("{:.2f}", operation.float_seconds / operation.seconds));
      cells.push_back(fmt::format("{:.0f}", 2e-9 * operation.macs / operation.seconds));
    } else {
      cells.insert(cells.end(),
                   {"-", fmt::format("{:.1f}", operation.seconds * 1e6), "-", "-", "-"});
    }
    table.add(std::move(cells));
  }
  fmt::print("{}\n", table.plain());
  fmt::print("{}: one image, {} threads, {} runs of each in turn\n", model, num_threads(),
             times.runs);
  fmt::print("  integers  {:8.3f} ms median, {:.3f} best\n", times.seconds * 1e3,
             times.best_seconds * 1e3);
  fmt::print(
      "  fp32      {:8.3f} ms median, {:.3f} best: the same network, batch norms and sums "
      "fused\n",
      times.float_seconds * 1e3, times.best_float_seconds * 1e3);
  fmt::print("  {:.2f} x as fast as fp32\n", times.float_seconds / times.seconds);
}

/// The network to time, and its float form.
struct Case {
  std::string name;
  deploy::IntegerNetwork integers;
  std::unique_ptr<layers::Module> floating;
};

Case make_case(const BenchNetOptions& options) {
  if (!options.network.model.empty()) {
    require(options.file.empty(), "bench net: expected a model file or --model, got both");
    // A large network takes a while to build, before there is any progress to show.
    remark(fmt::format("building {}; --image-size and --width choose another size",
                       bench::describe(options.network)));
    auto floating = bench::make_network(options.network);
    floating->set_training(false);
    return {fmt::format("{}, {}-{} bits", bench::describe(options.network), options.weight_bits,
                        options.activation_bits),
            bench::random_integer_network(options.network, options.weight_bits,
                                          options.activation_bits),
            std::move(floating)};
  }
  require(!options.file.empty(), "bench net: expected a model file, or --model NAME");
  deploy::IntegerNetwork network = deploy::read_model(options.file);
  auto floating = float_network(network, options);
  return {options.file, std::move(network), std::move(floating)};
}

void net(const BenchNetOptions& options) {
  if (options.threads > 0) set_num_threads(options.threads);
  flush_denormals();
  Case made = make_case(options);
  deploy::Engine engine(std::move(made.integers));
  ProgressBar bar;
  const bench::DeployedTimes times = bench::time_deployed(engine, *made.floating, options.seconds);
  bar.clear();
  if (options.json) {
    fmt::print("{}\n", to_json(made.name, times).dump(2));
  } else {
    print(made.name, times);
  }
}

}  // namespace

void add_bench_net(Subcommand& bench) {
  Subcommand command = bench.add_subcommand(
      "net", "Latency of a deployed model, per layer, compared with the same network in fp32");
  const auto options = std::make_shared<BenchNetOptions>();
  command.add("FILE", options->file, "Model file written by quench deploy");
  command.add("--network", options->graph,
              "The ONNX file that the model was made from (default: its path then)",
              {.type_name = "net.onnx"});
  command.add(
      "--model", options->network.model,
      "Instead of a file: a model (see quench list models) or ONNX file, with random weights",
      {.type_name = "NAME|FILE"});
  command.add("--width", options->network.width, "Its width multiplier, if it has one",
              {.show_default = true, .min = kLeastWidth, .max = kMostWidth});
  command.add("--image-size", options->network.image_size, "Height and width of its images",
              {.show_default = true, .min = 1, .max = kMostPixels});
  command.add("--weight-bits", options->weight_bits,
              "Weight bits of all layers but the first and the last",
              {.show_default = true, .min = 1, .max = 8});
  command.add("--activation-bits", options->activation_bits, "Activation bits of the same layers",
              {.show_default = true, .min = 1, .max = 8});
  command.add("--seconds", options->seconds, "Seconds to repeat",
              {.show_default = true, .min = 0.0, .max = kMostSeconds});
  command.add("--threads", options->threads, "Threads (default: all cores)", thread_count());
  command.add("--json", options->json, "Print JSON");
  command.run([options] { net(*options); });
}

}  // namespace quench::cli
