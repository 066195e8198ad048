#include "examples/quench/run_options.h"

#include <cstdlib>

#include "core/error.h"
#include "core/parallel.h"

namespace quench::command {

std::vector<std::string> data_dir_override(const std::string& given) {
  const char* environment = std::getenv("QUENCH_DATA");
  std::string dir = given;
  if (dir.empty() && environment != nullptr) dir = environment;
  if (dir.empty()) return {};
  return {fmt::format("data.dir=\"{}\"", dir)};
}

void apply_threads(const train::ExperimentConfig& config) {
  if (config.train.threads > 0) set_num_threads(config.train.threads);
  flush_denormals();
}

std::filesystem::path require_run(const std::filesystem::path& folder) {
  std::filesystem::path config = folder / "config.toml";
  if (!std::filesystem::exists(folder)) fail("run folder {}: there is none", folder.string());
  if (!std::filesystem::exists(config))
    fail("{}: this is not a run folder: it has no config.toml", folder.string());
  return config;
}

}  // namespace quench::command
