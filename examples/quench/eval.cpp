#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "core/safetensors.h"
#include "examples/quench/command.h"
#include "examples/quench/run_options.h"
#include "layers/slotted_module.h"
#include "train/checkpoint.h"
#include "train/experiment.h"
#include "train/judge.h"
#include "train/run_folder.h"

namespace quench::command {
namespace {

struct Options {
  std::string run;
  std::string data_dir;
  std::string checkpoint = "last";
  bool json = false;
  bool skip_bad = false;
};

void eval(const Options& options) {
  const std::filesystem::path config_file = require_run(options.run);
  std::vector<std::string> overrides = data_dir_override(options.data_dir);
  add_skip_bad(options.skip_bad, overrides);
  const train::ExperimentConfig config = train::load_experiment(config_file, overrides);
  apply_threads(config);
  const std::filesystem::path checkpoint = require_checkpoint(options.run, options.checkpoint);
  const train::Data data = train::load_data(config);
  const auto network = train::build_network(config, data.train->format());
  train::load_network(*network, config.model.name, read_safetensors(checkpoint), checkpoint);

  const auto loader = train::evaluation_loader(config, data.test);
  const auto training = train::training_loader(config, data.train);
  const auto [quantized, floating] = train::judge(
      *network, *loader, *training, config.train.bn_batches, train::StaleStatistics::replace);
  // Of ten classes, five are no distinction.
  const bool top5 = data.test->num_classes() > 10;
  if (options.json) {
    nlohmann::json result{{"run", options.run},
                          {"checkpoint", checkpoint.string()},
                          {"images", quantized.images},
                          {"top1_quantized", quantized.top1()},
                          {"top1_float", floating.top1()}};
    if (top5) {
      result["top5_quantized"] = quantized.top5();
      result["top5_float"] = floating.top5();
    }
    fmt::print("{}\n", result.dump(2));
    return;
  }
  fmt::print("{}: {} test images of {}\n", checkpoint.string(), quantized.images, config.data.name);
  const auto print = [top5](const char* which, const train::Accuracy& accuracy) {
    fmt::print("  top1 {:<10} {:.2f} %", which, accuracy.top1());
    if (top5) fmt::print("  top5 {:.2f} %", accuracy.top5());
    fmt::print("\n");
  };
  if (is_quantized(*network)) print("quantized", quantized);
  print("float", floating);
}

}  // namespace

void add_eval(Subcommand& program) {
  Subcommand command = program.add_subcommand(
      "eval", "Accuracy of a run on the test set, with quantized and with float weights");
  const auto options = std::make_shared<Options>();
  command.add("run", options->run, "Run folder", {.required = true});
  command.add("--data-dir", options->data_dir, "Where the data set lies");
  command.add("--checkpoint", options->checkpoint, "Which one",
              {.show_default = true, .choices = {"last", "best"}});
  command.add("--skip-bad", options->skip_bad, kSkipBadHelp);
  command.add("--json", options->json, "Print JSON");
  command.run([options] { eval(*options); });
}

}  // namespace quench::command
