#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>

namespace quench::command {

/// What a result came from besides its config, for a key "versions" of JSON: commit, versions, CPU
/// and threads as versions.json of a run has them, and the seed where there is one.
nlohmann::json provenance(std::optional<std::uint64_t> seed = {});

}  // namespace quench::command
