#include <fmt/format.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "cli/command.h"
#include "cli/parts/integer_table.h"
#include "cli/parts/output.h"
#include "cli/parts/run_options.h"
#include "cli/parts/trained_run.h"
#include "core/ops/reduce.h"
#include "datasets/loader.h"
#include "deploy/engine/engine.h"
#include "deploy/engine/prepared_operation.h"
#include "deploy/network/integer_network.h"
#include "deploy/network/model_file.h"
#include "deploy/network/packed_weights.h"
#include "experiments/experiment.h"
#include "kernels/saturation.h"
#include "support/console.h"
#include "support/progress.h"
#include "support/text_table.h"
#include "train/evaluate.h"
#include "train/slots_at_limit.h"

namespace quench::cli {
namespace {

kernels::PairSaturation saturation(const deploy::IntegerNetwork& network,
                                   const deploy::Operation& operation) {
  return kernels::pair_saturation(deploy::conv_problem(
      std::get<deploy::Convolution>(operation.kind), network.values[operation.inputs[0]]));
}

std::int64_t count_different(const Tensor& a, const Tensor& b) {
  std::int64_t different = 0;
  for (std::int64_t i = 0; i < a.numel(); ++i)
    different += a.data<std::int32_t>()[i] != b.data<std::int32_t>()[i] ? 1 : 0;
  return different;
}

/// The share of a convolution's pairs of products that exceed 16 bits for some image, so that int8
/// kernels on a CPU without VNNI saturate: "never", or "3.1 % of pairs".
std::string saturation_text(const deploy::IntegerNetwork& network,
                            const deploy::Operation& operation) {
  const kernels::PairSaturation found = saturation(network, operation);
  if (found.exact()) return "never";
  return fmt::format("{:.2g} % of pairs", 100.0 * static_cast<double>(found.saturating) /
                                              static_cast<double>(found.pairs));
}

/// One line with the number of layers that can saturate.
void print_saturation_summary(const deploy::IntegerNetwork& network) {
  int layers = 0, saturating = 0;
  for (const deploy::Operation& operation : network.operations) {
    if (!std::holds_alternative<deploy::Convolution>(operation.kind)) continue;
    ++layers;
    saturating += saturation(network, operation).exact() ? 0 : 1;
  }
  fmt::print(
      "int8 kernels that add pairs of products in 16 bits (CPUs without VNNI) can saturate in {} "
      "of {} layers; the engine's do not\n",
      saturating, layers);
}

/// Evaluates all images with the network itself and with those kernels emulated, and prints both
/// accuracies.
void print_emulation(const deploy::IntegerNetwork& network, datasets::Loader& images) {
  deploy::Engine exact(network);
  deploy::Engine saturating(network, kernels::best_isa(), deploy::Products::saturating);
  std::int64_t count = 0, correct = 0, correct_saturating = 0, different = 0;
  ProgressBar bar;
  bar.begin("saturating kernels", images.images_in(images.batches_per_epoch()));
  images.start_epoch(0);
  while (const auto batch = images.next()) {
    const Tensor a = exact(batch->images), b = saturating(batch->images);
    correct += train::count_correct(a, batch->labels);
    correct_saturating += train::count_correct(b, batch->labels);
    different += count_different(argmax(a), argmax(b));
    count += batch->labels.dim(0);
    bar.advance(batch->labels.dim(0));
  }
  bar.clear();
  const auto percent = [count](std::int64_t part) {
    return 100.0 * static_cast<double>(part) / static_cast<double>(count);
  };
  fmt::print(
      "{} test images: top1 {:.2f} %; with saturating kernels {:.2f} %, another class for {:.2f} "
      "%\n",
      count, percent(correct), percent(correct_saturating), percent(different));
}

using deploy::Convolution;
using deploy::IntegerNetwork;
using deploy::Operation;

struct DeployOptions {
  std::string run;
  std::string file;
  std::string checkpoint = "last";
  std::string data_dir;
  std::string integer_only;
  bool emulate_saturation = false;
  bool force = false;
};

std::string kib_of(std::size_t bytes) {
  return fmt::format("{:.1f}", static_cast<double>(bytes) / 1024.0);
}

std::string size_text(const deploy::Value& value) {
  return fmt::format("{}x{}x{}", value.channels, value.height, value.width);
}

/// "8"; "4, 1" if several quantizers read the value; or "fp32".
std::string bits_text(const IntegerNetwork& network, const Operation& operation) {
  std::string text;
  for (const deploy::Output& output : operation.outputs) {
    const auto& grid = network.values[output.value].grid;
    text +=
        fmt::format("{}{}", text.empty() ? "" : ", ", grid ? std::to_string(grid->bits) : "fp32");
  }
  return text;
}

std::string weight_shape(const IntegerNetwork& network, const Operation& operation) {
  const auto& convolution = std::get<Convolution>(operation.kind);
  const auto& [height, width] = convolution.kernel;
  return fmt::format("{}x{}x{}x{}", convolution.out_channels,
                     network.values[operation.inputs[0]].channels / convolution.params.groups,
                     height, width);
}

void print_operations(const deploy::Engine& engine) {
  const IntegerNetwork& network = engine.network();
  constexpr auto kRight = TextTable::Align::right;
  TextTable table({{"layer"},
                   {"computes"},
                   {"output"},
                   {"output bits", kRight},
                   {"weight"},
                   {"weight bits", kRight},
                   {"KiB", kRight},
                   {"kernel"},
                   {"would saturate"}});
  const auto kernels = engine.kernels();
  for (std::size_t i = 0; i < network.operations.size(); ++i) {
    const Operation& operation = network.operations[i];
    std::vector<std::string> cells{operation.name, std::string(to_string(operation.kind)),
                                   size_text(network.values[operation.outputs[0].value]),
                                   bits_text(network, operation)};
    if (const auto* convolution = std::get_if<Convolution>(&operation.kind)) {
      const int bits = convolution->weight_grid.bits;
      cells.push_back(weight_shape(network, operation));
      cells.push_back(std::to_string(bits));
      cells.push_back(kib_of(deploy::packed_bytes(convolution->weight.size(), bits)));
      cells.emplace_back(kernels[i]);
      cells.push_back(saturation_text(network, operation));
    } else {
      cells.resize(cells.size() + 5, "-");
    }
    table.add(std::move(cells));
  }
  fmt::print("{}", table.plain());
}

/// The table of --integer-only, if given.
std::optional<Output> table_output(const DeployOptions& options, const Output& model) {
  if (options.integer_only.empty()) return std::nullopt;
  return Output({.option = "deploy --integer-only",
                 .name = options.integer_only,
                 .kind = OutputKind::integer_table,
                 .force = options.force,
                 .reads = {options.run, model.path()}});
}

void deploy_run(const DeployOptions& options) {
  const Output output({.option = "deploy -o",
                       .name = options.file,
                       .kind = OutputKind::model,
                       .force = options.force,
                       .reads = {options.run}});
  const std::optional<Output> table = table_output(options, output);
  TrainedRun run = load_run(options.run, options.checkpoint, data_dir_override(options.data_dir));
  const IntegerNetwork network = freeze_run(run, "deploy");
  const std::size_t file_bytes = deploy::write_model(output.path(), network);
  const deploy::WeightBytes bytes = deploy::weight_bytes(network);
  print_operations(deploy::Engine(network));
  fmt::print("\nweights {} KiB, in fp32 {} KiB ({:.1f} x smaller)\n", kib_of(bytes.packed),
             kib_of(bytes.float32),
             static_cast<double>(bytes.float32) / static_cast<double>(bytes.packed));
  fmt::print("{}: {} KiB, from {}\n", options.file, kib_of(file_bytes), run.checkpoint.string());
  print_saturation_summary(network);
  for (const std::string& warning : train::limit_warnings(*run.network, run.at_limit))
    remark(warning);
  if (table) write_integer_table(table->path(), options.file, network, run.config);
  if (options.emulate_saturation) {
    const auto loader =
        experiments::evaluation_loader(run.config, experiments::load_data(run.config).test);
    print_emulation(network, *loader);
  }
}

}  // namespace

void add_deploy(Subcommand& program) {
  Subcommand command = program.add_subcommand(
      "deploy", "Write a run's network as integers into a file for eval, predict and bench");
  const auto options = std::make_shared<DeployOptions>();
  command.add("RUN", options->run, "Run folder", {.required = true});
  command.add("-o,--output", options->file, "Model file to write",
              {.required = true, .type_name = "model.qnc"});
  command.add("--checkpoint", options->checkpoint, "Checkpoint to deploy",
              {.show_default = true, .type_name = kCheckpointForm});
  command.add("--data-dir", options->data_dir,
              "Data set folder, for a run without classes.txt, with batch norm to "
              "re-estimate, or for --emulate-saturation",
              {.type_name = "DIR"});
  command.add("--integer-only", options->integer_only,
              "Also write the integers that convert sums to codes on CPUs without floats",
              {.type_name = "table.json"});
  command.add("--emulate-saturation", options->emulate_saturation,
              "Also evaluate the test set with int8 kernels without VNNI emulated");
  add_force(command, options->force);
  command.run([options] { deploy_run(*options); });
}

}  // namespace quench::cli
