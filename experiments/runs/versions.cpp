#include "experiments/runs/versions.h"

#include <fstream>
#include <nlohmann/json.hpp>
#include <span>
#include <utility>

#include "core/communicator.h"
#include "core/onednn/library.h"
#include "core/parallel.h"
#include "experiments/build_version.h"
#include "support/error.h"
#include "support/strict_json.h"

namespace quench::experiments {
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
          .isa = onednn::isa(),
          .ranks = communicator().size(),
          .threads = num_threads(),
          .seed = seed,
          .command_line = std::move(command_line)};
}

std::string versions_text(const Versions& versions) {
  const nlohmann::ordered_json json{
      {"quench", versions.quench}, {"commit", versions.commit},
      {"onednn", versions.onednn}, {"compiler", versions.compiler},
      {"cpu", versions.cpu},       {"isa", versions.isa},
      {"ranks", versions.ranks},   {"threads", versions.threads},
      {"seed", versions.seed},     {"command_line", versions.command_line}};
  // An argument that is not valid UTF-8 must not prevent a run from starting.
  return json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

Versions versions_from_text(const std::string& text) {
  try {
    constexpr std::size_t kMaxDepth = 5;  // including what run_history.h adds to versions.json
    const nlohmann::json json =
        parse_strict_json(std::as_bytes(std::span(text)), kMaxDepth, "versions");
    return {.quench = json.at("quench"),
            .commit = json.at("commit"),
            .onednn = json.at("onednn"),
            .compiler = json.at("compiler"),
            .cpu = json.at("cpu"),
            .isa = json.value("isa", ""),
            // Older files do not record ranks: there was one.
            .ranks = json.contains("ranks") ? integer_from<int>(json.at("ranks"), "ranks") : 1,
            .threads = integer_from<int>(json.at("threads"), "threads"),
            .seed = integer_from<std::uint64_t>(json.at("seed"), "seed"),
            .command_line = json.at("command_line")};
  } catch (const nlohmann::json::exception& error) {
    fail("versions: expected the JSON of a versions.json, got {}", error.what());
  }
}

}  // namespace quench::experiments
