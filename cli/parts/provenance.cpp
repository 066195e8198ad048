#include "cli/parts/provenance.h"

#include <nlohmann/json.hpp>

#include "experiments/runs/versions.h"

namespace quench::cli {

nlohmann::json provenance(std::optional<std::uint64_t> seed) {
  const experiments::Versions versions = experiments::current_versions(seed.value_or(0), {});
  nlohmann::json json = nlohmann::json::parse(experiments::versions_text(versions));
  json.erase("command_line");
  if (!seed) json.erase("seed");
  return json;
}

}  // namespace quench::cli
