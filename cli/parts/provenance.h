#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>

namespace quench::cli {

/// The origin of a result besides its config, for the JSON key "versions": commit, versions, CPU
/// and threads as in a run's versions.json, and the seed if there is one.
nlohmann::json provenance(std::optional<std::uint64_t> seed = {});

}  // namespace quench::cli
