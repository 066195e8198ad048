#include "train/versions.h"

#include <fstream>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/file.h"
#include "core/onednn/version.h"
#include "core/parallel.h"
#include "train/build_version.h"

namespace quench::train {
namespace {

std::string cpu_model() {
  std::ifstream info("/proc/cpuinfo");
  std::string line;
  while (std::getline(info, line)) {
    const std::size_t colon = line.find(": ");
    if (line.starts_with("model name") && colon != std::string::npos) return line.substr(colon + 2);
  }
  return {};
}

}  // namespace

Versions current_versions(std::uint64_t seed, std::vector<std::string> command_line) {
  return {.quench = QUENCH_VERSION,
          .commit = QUENCH_COMMIT,
          .onednn = onednn::version(),
          .compiler = QUENCH_COMPILER,
          .cpu = cpu_model(),
          .threads = num_threads(),
          .seed = seed,
          .command_line = std::move(command_line)};
}

void write_versions(const std::filesystem::path& path, const Versions& versions) {
  const nlohmann::ordered_json json{
      {"quench", versions.quench}, {"commit", versions.commit},
      {"onednn", versions.onednn}, {"compiler", versions.compiler},
      {"cpu", versions.cpu},       {"threads", versions.threads},
      {"seed", versions.seed},     {"command_line", versions.command_line}};
  // An argument that is not UTF-8 must not keep a run from starting.
  write_file_atomically(path,
                        json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
}

}  // namespace quench::train
