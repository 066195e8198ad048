#include "deploy/verify.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/command.h"
#include "cli/parts/provenance.h"
#include "cli/parts/run_options.h"
#include "cli/parts/trained_run.h"
#include "deploy/engine/engine.h"
#include "experiments/experiment.h"
#include "experiments/runs/class_names.h"
#include "support/progress.h"
#include "support/text_table.h"
#include "train/evaluate.h"

namespace quench::cli {
namespace {

constexpr double kMostImages = 1e9;

struct VerifyOptions {
  std::string run;
  std::string model;
  std::string data_dir;
  std::string checkpoint = "last";
  std::int64_t images = 0;
  std::int64_t interpreted = 8;
  bool json = false;
  bool skip_bad = false;
};

struct Verification {
  std::int64_t images = 0, interpreted = 0;
  std::int64_t correct = 0;
  std::vector<deploy::ValueMismatches> evaluation;  ///< engine compared with evaluation in training
  std::int64_t interpreter_bytes = 0;               ///< engine compared with the interpreter

  bool equal() const {
    return interpreter_bytes == 0 &&
           std::ranges::all_of(evaluation, [](const auto& value) { return value.different == 0; });
  }
};

std::int64_t different_bytes(const deploy::Values& a, const deploy::Values& b) {
  std::int64_t different = 0;
  for (std::size_t id = 0; id < a.size(); ++id) {
    for (std::size_t i = 0; i < b[id].bytes(); ++i)
      different += a[id].bytes_begin()[i] != b[id].bytes_begin()[i] ? 1 : 0;
  }
  return different;
}

Verification verify(const VerifyOptions& options, layers::Module& network, deploy::Engine& engine,
                    datasets::Loader& loader) {
  Verification result;
  const std::int64_t all = loader.images_in(loader.batches_per_epoch());
  ProgressBar bar;
  bar.begin("verify", options.images > 0 ? std::min(options.images, all) : all);
  loader.start_epoch(0);
  while (const auto batch = loader.next()) {
    std::int64_t count = batch->images.dim(0);
    if (options.images > 0) count = std::min(count, options.images - result.images);
    if (count == 0) break;
    const Tensor images = batch->images.slice(0, count);
    const deploy::Values values = engine.values(images);
    accumulate(result.evaluation,
               deploy::compare_with_evaluation(network, engine.network(), values, images));
    result.correct +=
        train::count_correct(logits_of(engine.network(), values), batch->labels.slice(0, count));
    if (const auto more = std::min(options.interpreted - result.interpreted, count); more > 0) {
      result.interpreter_bytes +=
          different_bytes(values, deploy::interpret(engine.network(), images.slice(0, more)));
      result.interpreted += more;
    }
    result.images += count;
    bar.advance(count);
  }
  return result;
}

void print_table(const Verification& result) {
  using Align = TextTable::Align;
  TextTable table(
      {{"read by", Align::left}, {"values compared", Align::right}, {"different", Align::right}});
  for (const auto& [reader, compared, different] : result.evaluation)
    table.add({reader, fmt::format("{}", compared), fmt::format("{}", different)});
  fmt::print("{}\n", table.plain());
}

void print_summary(const Verification& result) {
  std::int64_t compared = 0;
  for (const auto& value : result.evaluation) compared += value.compared;
  fmt::print(
      "{} images, top1 {:.2f} %, {} integers and logits compared with evaluation in training\n",
      result.images,
      100.0 * static_cast<double>(result.correct) / static_cast<double>(result.images), compared);
  fmt::print("{} images through the reference interpreter: {} bytes of all values differ\n",
             result.interpreted, result.interpreter_bytes);
  const auto first = std::ranges::find_if(result.evaluation,
                                          [](const auto& value) { return value.different != 0; });
  if (first == result.evaluation.end()) {
    fmt::print("evaluation: 0 differ\n");
  } else {
    fmt::print("evaluation: differs, first in the input of {} ({} of {})\n", first->reader,
               first->different, first->compared);
  }
}

void print_json(const VerifyOptions& options, const Verification& result) {
  nlohmann::json values = nlohmann::json::array();
  for (const auto& [reader, compared, different] : result.evaluation)
    values.push_back({{"reader", reader}, {"compared", compared}, {"different", different}});
  const nlohmann::json line{{"run", options.run},
                            {"model", options.model},
                            {"images", result.images},
                            {"correct", result.correct},
                            {"interpreted", result.interpreted},
                            {"interpreter_bytes_different", result.interpreter_bytes},
                            {"equal", result.equal()},
                            {"values", values},
                            {"versions", provenance()}};
  fmt::print("{}\n", line.dump(2));
}

void run(const VerifyOptions& options) {
  std::vector<std::string> overrides = data_dir_override(options.data_dir);
  add_skip_bad(options.skip_bad, overrides);
  TrainedRun run = load_run(options.run, options.checkpoint, overrides);
  const DeployedModel model = load_model(options.model, overrides);
  const experiments::Data data = experiments::load_data(run.config);
  experiments::require_classes(options.run, data.test->class_names());
  reestimate_stale_batch_norm(run);
  const auto loader = experiments::evaluation_loader(run.config, data.test);
  const Verification result = verify(options, *run.network, *model.engine, *loader);
  if (options.json) {
    print_json(options, result);
  } else {
    print_table(result);
    print_summary(result);
  }
  if (!result.equal()) throw Exit{1};
}

}  // namespace

void add_verify(Subcommand& program) {
  Subcommand command = program.add_subcommand(
      "verify",
      "Compare a deployed model with its run on the test set, integer by integer: every "
      "activation's codes and the logits' bits");
  const auto options = std::make_shared<VerifyOptions>();
  command.add("RUN", options->run, "Run folder", {.required = true});
  command.add("MODEL", options->model, "Model file that quench deploy wrote for it",
              {.required = true});
  command.add("--data-dir", options->data_dir, "Data set folder", {.type_name = "DIR"});
  command.add("--checkpoint", options->checkpoint, "Checkpoint that was deployed",
              {.show_default = true, .type_name = kCheckpointForm});
  command.add("--images", options->images, "Number of test images (default: all)",
              {.min = 1, .max = kMostImages});
  command.add("--interpret", options->interpreted,
              "How many of them the slow reference interpreter also computes",
              {.show_default = true, .min = 0, .max = kMostImages});
  command.add("--skip-bad", options->skip_bad, kSkipBadHelp);
  command.add("--json", options->json, "Print JSON");
  command.run([options] { run(*options); });
}

}  // namespace quench::cli
