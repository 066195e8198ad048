#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace quench::experiments {

/// Everything besides the config that determines a run's results and times.
struct Versions {
  std::string quench;  ///< version
  std::string commit;  ///< of the sources; "-dirty" if they were changed; or "unknown"
  std::string onednn;  ///< of the loaded library
  std::string compiler;
  std::string cpu;  ///< model name, empty if unknown
  std::string isa;  ///< the largest instruction set that oneDNN uses; empty in files of quench 0.1
  int ranks = 1;    ///< processes that trained together
  int threads = 0;  ///< per process
  std::uint64_t seed = 0;
  std::vector<std::string> command_line;
};

/// The versions of this program on this machine; `command_line` is main's argv.
Versions current_versions(std::uint64_t seed, std::vector<std::string> command_line);

/// To and from JSON. @throws std::runtime_error  for other text
std::string versions_text(const Versions& versions);
Versions versions_from_text(const std::string& text);

}  // namespace quench::experiments
