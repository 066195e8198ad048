#include "examples/quench/run_options.h"

#include <cstdlib>

#include "core/communicator.h"
#include "core/error.h"
#include "core/file.h"
#include "core/parallel.h"
#include "examples/quench/ranks.h"
#include "onnx/read.h"
#include "onnx/write.h"
#include "train/versions.h"

namespace quench::command {

std::vector<std::string> data_dir_override(const std::string& given) {
  const char* environment = std::getenv("QUENCH_DATA");
  std::string dir = given;
  if (dir.empty() && environment != nullptr) dir = environment;
  if (dir.empty()) return {};
  return {fmt::format("data.dir=\"{}\"", dir)};
}

void add_skip_bad(bool given, std::vector<std::string>& overrides) {
  if (given) overrides.emplace_back("data.skip_bad=true");
}

void apply_threads(const train::ExperimentConfig& config) {
  if (communicator().size() > 1) {
    set_num_threads(threads_of_rank(config.train.threads));
  } else if (config.train.threads > 0) {
    set_num_threads(config.train.threads);
  }
  flush_denormals();
}

std::filesystem::path require_run(const std::filesystem::path& folder) {
  std::filesystem::path config = folder / "config.toml";
  if (!std::filesystem::exists(folder)) fail("run folder {}: there is none", folder.string());
  if (!std::filesystem::exists(config))
    fail("{}: this is not a run folder: it has no config.toml", folder.string());
  return config;
}

std::filesystem::path require_checkpoint(const std::filesystem::path& run,
                                         const std::string& which) {
  std::filesystem::path path = run / (which + ".safetensors");
  if (!std::filesystem::exists(path)) {
    fail("{}: this run has no {} checkpoint yet: expected {}", run.string(), which, path.string());
  }
  return path;
}

train::RunFolder new_run_folder(const std::string& given, const std::string& name) {
  return given.empty() ? train::RunFolder::create("runs", name)
                       : train::RunFolder::create_at(given);
}

void describe_run(const train::RunFolder& folder, const train::ExperimentConfig& config,
                  const std::vector<std::string>& command_line) {
  const std::filesystem::path& network = config.model.onnx;
  if (!network.empty()) write_onnx(folder.path() / train::kNetworkFile, read_onnx(network));
  write_file_atomically(folder.config(), config.resolved());
  write_versions(folder.versions(), train::current_versions(config.train.seed, command_line));
}

}  // namespace quench::command
