#include <fmt/format.h>
#include <fmt/ranges.h>

#include <map>
#include <memory>

#include "core/text_table.h"
#include "examples/quench/command.h"
#include "examples/quench/quantizer_text.h"
#include "layers/quantized_layer.h"
#include "layers/trace.h"
#include "train/config_file.h"
#include "train/experiment.h"

namespace quench::command {
namespace {

struct Options {
  std::string config;
  std::vector<std::string> overrides;
};

std::string kib(double bytes) { return fmt::format("{:.1f}", bytes / 1024.0); }

/// Digits in groups of three.
std::string grouped(std::int64_t number) {
  std::string text = std::to_string(number);
  for (auto at = static_cast<std::ptrdiff_t>(text.size()) - 3; at > 0; at -= 3)
    text.insert(static_cast<std::size_t>(at), 1, ',');
  return text;
}

std::string image_text(const Shape& batch) {
  const auto sizes = batch.sizes().subspan(1);
  return fmt::format("{}", fmt::join(sizes, "x"));
}

std::int64_t parameter_count(Module& network) {
  std::int64_t count = 0;
  for (const Parameter& parameter : network.parameters())
    if (parameter.kind != ParameterKind::quantizer) count += parameter.value.value().numel();
  return count;
}

struct Totals {
  std::int64_t macs = 0;
  double bytes = 0.0;
  double float_bytes = 0.0;
  std::map<std::string, std::int64_t> macs_by_bits;  // "4 x 8": weight, activation

  void add(const LayerTrace& trace, QuantizedLayer& layer);
};

std::string bits_text(const quant::Quantizer& weight, const quant::Quantizer& input) {
  const auto bits = [](const quant::Quantizer& quantizer) {
    return quantizer.quantizes() ? std::to_string(quantizer.bits()) : std::string("fp32");
  };
  return fmt::format("{} x {}", bits(weight), bits(input));
}

void Totals::add(const LayerTrace& trace, QuantizedLayer& layer) {
  macs += trace.macs;
  macs_by_bits[bits_text(layer.weight_quantizer(), layer.input_quantizer())] += trace.macs;
  bytes += layer.weight_bytes();
  float_bytes += static_cast<double>(trace.weight.numel()) * 4.0;
}

void print_totals(Module& network, const Totals& totals) {
  fmt::print("\n{} parameters, {} multiply-accumulates per image\n",
             grouped(parameter_count(network)), grouped(totals.macs));
  fmt::print("weights {} KiB, in fp32 {} KiB ({:.1f} x smaller)\n", kib(totals.bytes),
             kib(totals.float_bytes), totals.float_bytes / totals.bytes);
  fmt::print("multiply-accumulates by bits, weight x activation:");
  for (const auto& [bits, macs] : totals.macs_by_bits) {
    fmt::print("  {}: {:.1f} %", bits,
               100.0 * static_cast<double>(macs) / static_cast<double>(totals.macs));
  }
  fmt::print("\n");
}

void describe(const Options& options) {
  const train::ExperimentConfig config = train::load_experiment(options.config, options.overrides);
  const datasets::DatasetFormat data = train::data_format(config);
  const auto network = train::build_network(config, data);

  std::map<std::string, SlottedModule*> modules;
  for (SlottedModule* module : network->slotted_modules()) modules[module->name()] = module;
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
  Totals totals;
  for (const LayerTrace& trace :
       trace_layers(*network, {1, data.image.channels, data.image.height, data.image.width})) {
    SlottedModule& module = *modules.at(trace.name);
    auto* layer = dynamic_cast<QuantizedLayer*>(&module);
    table.add({trace.name, image_text(trace.input), image_text(trace.output),
               layer ? fmt::format("{}", fmt::join(trace.weight.sizes(), "x")) : "-",
               layer ? grouped(trace.macs) : "-", layer ? grouped(parameter_count(*layer)) : "-",
               weight_text(module), inputs_text(module), layer ? kib(layer->weight_bytes()) : "-"});
    if (layer != nullptr) totals.add(trace, *layer);
  }
  fmt::print("{} on {} ({} x {} x {}, {} classes)\n\n{}", config.model.name, config.data.name,
             data.image.channels, data.image.height, data.image.width, data.classes, table.plain());
  print_totals(*network, totals);
}

}  // namespace

void add_describe(Subcommand& program) {
  Subcommand command = program.add_subcommand(
      "describe", "The network of a config as a table: shapes, MACs, quantizers, sizes");
  const auto options = std::make_shared<Options>();
  command.add("config", options->config, "Experiment", {.required = true});
  command.add("--set", options->overrides, "Override one config key", {.type_name = "KEY=VALUE"});
  command.run([options] { describe(*options); });
}

}  // namespace quench::command
