#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace quench::train {

/// What besides the config decides a run's numbers and times.
struct Versions {
  std::string quench;  ///< version
  std::string commit;  ///< of the sources, "-dirty" if they were changed; or "unknown"
  std::string onednn;  ///< of the library that is loaded
  std::string compiler;
  std::string cpu;  ///< model name, empty if unknown
  std::string isa;  ///< the largest instruction set that oneDNN uses; empty in files of quench 0.1
  int ranks = 1;    ///< processes that trained together
  int threads = 0;  ///< of each
  std::uint64_t seed = 0;
  std::vector<std::string> command_line;
};

/// Of this program on this machine; `command_line` is main's argv.
Versions current_versions(std::uint64_t seed, std::vector<std::string> command_line);

/// As JSON, and back. @throws std::runtime_error  for a text of another form
std::string versions_text(const Versions& versions);
Versions versions_from_text(const std::string& text);

}  // namespace quench::train
