#include <fmt/format.h>
#include <fmt/ranges.h>

#include <memory>
#include <optional>
#include <set>

#include "cli/command.h"
#include "cli/parts/output.h"
#include "cli/parts/quantizer_text.h"
#include "cli/parts/run_options.h"
#include "cli/parts/trained_run.h"
#include "experiments/experiment.h"
#include "experiments/runs/deployed.h"
#include "experiments/runs/metrics.h"
#include "layers/quantized_layer.h"
#include "onnx/export/export_float.h"
#include "onnx/export/export_integers.h"
#include "onnx/export/fused_convolutions.h"
#include "onnx/file/write.h"
#include "support/console.h"
#include "support/error.h"
#include "support/progress.h"
#include "support/text_list.h"
#include "support/text_number.h"
#include "train/evaluate.h"

namespace quench::cli {
namespace {

struct ExportOptions {
  std::string run;
  std::string file;
  std::string format = "onnx";
  std::string checkpoint = "last";
  std::string data_dir;
  std::string scales = "sums";
  bool floating = false;
  bool pixels = false;
  bool force = false;
};

std::optional<onnx::PixelNormalization> normalization(const TrainedRun& run, bool pixels) {
  if (!pixels) return std::nullopt;
  datasets::Transform transform = experiments::evaluation_transform(run.config);
  return onnx::PixelNormalization{std::move(transform.mean), std::move(transform.std)};
}

/// The float network of quantized training has its own batch statistics.
onnx::OnnxModel float_model(TrainedRun& run, bool pixels) {
  const std::int64_t batches = run.config.train.bn_batches;
  if (layers::is_quantized(*run.network) && batches > 0) {
    const auto training =
        experiments::training_loader(run.config, experiments::load_data(run.config).train);
    ProgressBar bar;
    bar.begin("re-estimation", training->images_in(batches));
    train::reestimate_batch_norm(*run.network, *training, batches, quant::Mode::bypass);
    bar.clear();
    fmt::print("batch norm of the float network re-estimated on {} batches (train.bn_batches)\n",
               batches);
  }
  const datasets::ImageShape image = experiments::image_shape(run.config);
  return onnx::export_float(*run.network, {1, image.channels, image.height, image.width},
                            normalization(run, pixels));
}

void report_raised(const std::vector<onnx::RaisedScales>& raised) {
  for (const auto& [layer, channels] : raised)
    remark(fmt::format(
        "export: {}: the bias of {} does not fit 32 bits in units of its sum; its weights are "
        "rounded to a larger scale",
        layer, counted(channels, "channel")));
}

onnx::OnnxModel integer_model(TrainedRun& run, const ExportOptions& options) {
  const auto scales =
      options.scales == "sums" ? onnx::OnnxScales::sums : onnx::OnnxScales::operands;
  const auto quantizers =
      options.format == "qonnx" ? onnx::OnnxQuantizers::qonnx : onnx::OnnxQuantizers::linear;
  onnx::ExportedIntegers exported = onnx::export_integers(
      freeze_run(run, "export"),
      {.quantizers = quantizers, .scales = scales, .pixels = normalization(run, options.pixels)});
  report_raised(exported.raised);
  return std::move(exported.model);
}

/// Prints how many convolutions a fusing runtime runs on integers, for scales in the operands.
void print_fused(const onnx::OnnxModel& model, const ExportOptions& options) {
  if (options.floating || options.format != "onnx" || options.scales != "operands") return;
  const auto [fused, others] = onnx::fused_convolutions(model);
  fmt::print(
      "{} of {} convolutions run on integers in a runtime that fuses QuantizeLinear and "
      "DequantizeLinear{}{}\n",
      fused.size(), fused.size() + others.size(), others.empty() ? "" : "; not ", listed(others));
}

/// The descriptions of all modules, each once: "ab 8 bit; ab 4 bit, channel".
template <typename M>
std::string quantizers(const std::vector<M*>& modules,
                       std::string (*text)(layers::QuantizableModule&)) {
  std::set<std::string> descriptions;
  for (M* module : modules) descriptions.insert(text(*module));
  return fmt::format("{}", fmt::join(descriptions, "; "));
}

void describe(onnx::OnnxModel& model, TrainedRun& run, const ExportOptions& options) {
  model.metadata = experiments::description(run.config, run.classes);
  model.name = run.config.model.name;
  model.metadata["input"] = options.pixels ? "pixels from 0 to 255" : "normalized images";
  if (!options.floating) {
    model.metadata["weights"] = quantizers(run.network->quantized_layers(), weight_text);
    model.metadata["activations"] = quantizers(run.network->quantizable_modules(), inputs_text);
  }
  const std::filesystem::path metrics = std::filesystem::path(options.run) / "metrics.csv";
  if (!std::filesystem::exists(metrics)) return;
  const auto rows = experiments::read_metrics(metrics);
  if (rows.empty()) return;
  const double top1 = options.floating ? rows.back().top1_float : rows.back().top1_quantized;
  model.metadata["top1"] =
      fmt::format("{:.2f} % after {}", top1, counted(rows.back().epoch, "epoch"));
}

void export_run(const ExportOptions& options) {
  const Output output({.option = "export -o",
                       .name = options.file,
                       .kind = OutputKind::onnx,
                       .force = options.force,
                       .reads = {options.run}});
  TrainedRun run = load_run(options.run, options.checkpoint, data_dir_override(options.data_dir));
  require(options.floating || layers::is_quantized(*run.network),
          "export: expected a run with quantizers, got {} with a float network: give --float",
          options.run);
  onnx::OnnxModel model =
      options.floating ? float_model(run, options.pixels) : integer_model(run, options);
  describe(model, run, options);
  const std::size_t bytes = onnx::write_onnx(output.path(), model);
  fmt::print("{}: {} nodes of ONNX operator set {}, {:.1f} KiB; {} [N, {}, {}, {}] are {}\n",
             options.file, model.nodes.size(), model.opset, static_cast<double>(bytes) / 1024.0,
             model.input.name, model.input.dims[1], model.input.dims[2], model.input.dims[3],
             model.metadata["input"]);
  print_fused(model, options);
}

}  // namespace

void add_export(Subcommand& program) {
  Subcommand command = program.add_subcommand("export", "Write a run's network for other runtimes");
  const auto options = std::make_shared<ExportOptions>();
  command.add("RUN", options->run, "Run folder", {.required = true});
  command.add("-o,--output", options->file, "File to write",
              {.required = true, .type_name = "net.onnx"});
  command.add("--format", options->format,
              "onnx: QuantizeLinear and DequantizeLinear; qonnx: Quant and BipolarQuant, with each "
              "grid's bits",
              {.show_default = true, .choices = {"onnx", "qonnx"}});
  command.add("--float", options->floating, "Export the float network, without quantizers");
  command.add("--scales", options->scales,
              "Where integer convolutions of format onnx apply scales: to their sums, for exactly "
              "quench's bits, or to their operands, for runtimes that fuse integer kernels",
              {.show_default = true, .choices = {"sums", "operands"}});
  command.add("--pixels", options->pixels,
              "Include normalization: the network takes pixels 0 to 255");
  command.add("--checkpoint", options->checkpoint, "Checkpoint to export",
              {.show_default = true, .type_name = kCheckpointForm});
  command.add("--data-dir", options->data_dir,
              "Data set folder, for a run without classes.txt or with batch norm to "
              "re-estimate",
              {.type_name = "DIR"});
  add_force(command, options->force);
  command.run([options] { export_run(*options); });
}

}  // namespace quench::cli
