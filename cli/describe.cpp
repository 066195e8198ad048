#include <fmt/format.h>
#include <fmt/ranges.h>

#include <filesystem>
#include <map>
#include <memory>

#include "cli/command.h"
#include "cli/parts/quantizer_text.h"
#include "cli/parts/run_options.h"
#include "cli/parts/trained_run.h"
#include "experiments/config/config_file.h"
#include "experiments/experiment.h"
#include "experiments/runs/class_names.h"
#include "layers/graph.h"
#include "layers/quantized_layer.h"
#include "onnx/file/read.h"
#include "onnx/import/network.h"
#include "support/text_number.h"
#include "support/text_table.h"
#include "train/network_cost.h"

namespace quench::cli {
namespace {

struct DescribeOptions {
  std::string network;
  std::string data_dir;
  std::vector<std::string> overrides;
};

std::string image_text(const Shape& batch) {
  const auto sizes = batch.sizes().subspan(1);
  return fmt::format("{}", fmt::join(sizes, "x"));
}

std::int64_t parameter_count(layers::Module& network) {
  std::int64_t count = 0;
  for (const layers::Parameter& parameter : network.parameters())
    if (parameter.kind != layers::ParameterKind::quantizer)
      count += parameter.value.value().numel();
  return count;
}

/// How the weight is quantized, or the layer that owns it.
std::string weight_column(layers::QuantizableModule& module) {
  layers::QuantizedLayer* layer = module.as_quantized_layer();
  return layer == nullptr || layer->owns_weight()
             ? weight_text(module)
             : fmt::format("as {}", layer->weight_owner().name());
}

void print_totals(const train::NetworkCost& cost) {
  fmt::print("\n{} parameters, {} multiply-accumulates per image\n", grouped(cost.parameters),
             grouped(cost.macs));
  fmt::print("weights {} KiB, in fp32 {} KiB ({:.1f} x smaller)\n", kib(cost.weight_bytes),
             kib(cost.float_bytes), cost.float_bytes / cost.weight_bytes);
  fmt::print("multiply-accumulates by bits, weight x activation:");
  for (const auto& [bits, macs] : cost.macs_by_bits) {
    fmt::print("  {}: {:.1f} %", bits,
               100.0 * static_cast<double>(macs) / static_cast<double>(cost.macs));
  }
  fmt::print("\n");
}

struct Described {
  experiments::ExperimentConfig config;
  datasets::DatasetFormat data;
  std::string data_name;
};

/// For an ONNX file, which defines its own image size.
Described load_graph(const DescribeOptions& options) {
  std::vector<std::string> overrides{fmt::format("model.onnx=\"{}\"", options.network)};
  overrides.insert(overrides.end(), options.overrides.begin(), options.overrides.end());
  experiments::ExperimentConfig config =
      experiments::read_experiment(experiments::settings_of(overrides), options.network);
  const layers::models::ModelInput input = onnx::onnx_model_input(
      onnx::read_onnx(options.network, config.model.output), options.network);
  return {.config = std::move(config),
          .data = {.image = {static_cast<int>(input.channels), static_cast<int>(input.height),
                             static_cast<int>(input.width)},
                   .classes = static_cast<int>(input.classes)},
          .data_name = "images"};
}

/// A run folder knows its classes, so its images do not need to exist.
datasets::DatasetFormat run_format(const std::filesystem::path& run,
                                   const experiments::ExperimentConfig& config) {
  const std::filesystem::path classes = run / "classes.txt";
  if (!std::filesystem::exists(classes)) return experiments::data_format(config);
  return {.image = experiments::image_shape(config),
          .classes = static_cast<int>(experiments::read_class_names(classes).size())};
}

Described load(const DescribeOptions& options) {
  if (is_onnx_file(options.network)) return load_graph(options);
  std::vector<std::string> overrides = data_dir_override(options.data_dir);
  overrides.insert(overrides.end(), options.overrides.begin(), options.overrides.end());
  const bool is_run = std::filesystem::is_directory(options.network);
  experiments::ExperimentConfig config =
      is_run ? load_run_config(options.network, overrides)
             : experiments::load_experiment(options.network, overrides);
  const datasets::DatasetFormat data =
      is_run ? run_format(options.network, config) : experiments::data_format(config);
  const std::string name = config.data.name;
  return {std::move(config), data, name};
}

void describe(const DescribeOptions& options) {
  const auto [config, data, data_name] = load(options);
  const auto network = experiments::build_network_without_weights(config, data);

  std::map<std::string, layers::QuantizableModule*> modules;
  for (layers::QuantizableModule* module : network->quantizable_modules())
    modules[module->name()] = module;
  constexpr auto kRight = TextTable::Align::right;
  TextTable table({{"layer"},
                   {"input"},
                   {"output"},
                   {"weight"},
                   {"MACs", kRight},
                   {"parameters", kRight},
                   {"weight quantizer"},
                   {"input quantizer"},
                   {"KiB", kRight}});
  const auto traces =
      layers::trace_layers(*network, {1, data.image.channels, data.image.height, data.image.width});
  for (const layers::LayerTrace& trace : traces) {
    layers::QuantizableModule& module = *modules.at(trace.name);
    layers::QuantizedLayer* layer = module.as_quantized_layer();
    table.add({trace.name, image_text(trace.input), image_text(trace.output),
               layer ? fmt::format("{}", fmt::join(trace.weight.sizes(), "x")) : "-",
               layer ? grouped(trace.macs) : "-", layer ? grouped(parameter_count(*layer)) : "-",
               weight_column(module), inputs_text(module),
               layer ? kib(layer->weight_bytes()) : "-"});
  }
  fmt::print("{} on {} ({} x {} x {}, {} classes)\n\n{}", config.model.name, data_name,
             data.image.channels, data.image.height, data.image.width, data.classes, table.plain());
  print_totals(train::network_cost(*network, traces));
  print_notes(*network, config);
}

}  // namespace

void add_describe(Subcommand& program) {
  Subcommand command = program.add_subcommand(
      "describe",
      "Print the network of a config, a run or an ONNX file: shapes, MACs, quantizers, sizes");
  const auto options = std::make_shared<DescribeOptions>();
  command.add("RUN|CONFIG", options->network, "Run folder, experiment, or ONNX file",
              {.required = true});
  command.add("--data-dir", options->data_dir, "Data set folder, if its folders define the classes",
              {.type_name = "DIR"});
  command.add("--set", options->overrides, "Override one config key", {.type_name = "KEY=VALUE"});
  command.run([options] { describe(*options); });
}

}  // namespace quench::cli
