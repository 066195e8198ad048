#include "cli/parts/run_record.h"

#include <fmt/format.h>

#include <chrono>
#include <filesystem>
#include <utility>

#include "experiments/runs/run_difference.h"
#include "experiments/runs/run_state.h"
#include "onnx/file/read.h"
#include "onnx/file/write.h"
#include "support/console.h"
#include "support/file.h"

namespace quench::cli {
namespace {

std::string now() { return experiments::utc_text(std::chrono::system_clock::now()); }

experiments::RunPart first_part(std::uint64_t seed, const std::vector<std::string>& command_line) {
  return {.started = now(), .versions = experiments::current_versions(seed, command_line)};
}

}  // namespace

void describe_run(const experiments::RunFolder& folder, const experiments::ExperimentConfig& config,
                  const std::vector<std::string>& command_line) {
  const experiments::ModelConfig& model = config.model;
  if (!model.onnx.empty())
    onnx::write_onnx(folder.path() / experiments::kNetworkFile,
                     onnx::read_onnx(model.onnx, model.output));
  const std::string text = config.resolved_with_absolute_paths();
  write_file_atomically(folder.config(), text);
  experiments::write_history(
      folder.versions(), {.parts = {first_part(config.train.seed, command_line)}, .config = text});
}

experiments::RunHistory history_of(const experiments::RunFolder& folder) {
  if (std::filesystem::exists(folder.versions()))
    return experiments::read_history(folder.versions());
  return {.parts = {first_part(0, {})}, .config = {}};
}

void describe_part(const experiments::RunFolder& folder, experiments::RunHistory history,
                   const experiments::Run& run, std::vector<experiments::KeyChange> changes,
                   const std::vector<std::string>& command_line) {
  const experiments::Position start = run.position();
  experiments::RunPart part{
      .epoch = start.epoch,
      .step = start.step_in_epoch,
      .started = now(),
      .checkpoint = run.resumed_from(),
      .changes = std::move(changes),
      .versions = experiments::current_versions(run.config().train.seed, command_line)};
  const auto differences =
      experiments::different_versions(history.parts.back().versions, part.versions);
  for (const std::string& difference : differences)
    remark(fmt::format("differs from before: {}", difference));
  if (!differences.empty())
    remark("the results can differ in their bits from a run that was not resumed");
  history.parts.push_back(std::move(part));
  history.config = run.config().resolved_with_absolute_paths();
  // The history is written first: the next resume updates an older config.toml.
  experiments::write_history(folder.versions(), history);
  write_file_atomically(folder.config(), history.config);
}

}  // namespace quench::cli
