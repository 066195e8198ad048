#include "cli/parts/provenance.h"

#include <nlohmann/json.hpp>

#include "experiments/runs/versions.h"

namespace quench::command {

nlohmann::json provenance(std::optional<std::uint64_t> seed) {
  const train::Versions versions = train::current_versions(seed.value_or(0), {});
  nlohmann::json json = nlohmann::json::parse(train::versions_text(versions));
  json.erase("command_line");
  if (!seed) json.erase("seed");
  return json;
}

}  // namespace quench::command
