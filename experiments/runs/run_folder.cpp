#include "experiments/runs/run_folder.h"

#include <utility>

#include "support/error.h"

namespace quench::experiments {
namespace {

namespace fs = std::filesystem;

constexpr const char* kRunFolder = "run folder";

}  // namespace

RunFolder::RunFolder(fs::path path)
    : path_(std::move(path)), lock_(std::in_place, path_, kRunFolder) {}

RunFolder RunFolder::create(const fs::path& runs, const std::string& name) {
  return RunFolder(make_numbered_folder(runs, name, kRunFolder));
}

RunFolder RunFolder::create_at(const fs::path& folder) {
  if (make_folder(folder, kRunFolder)) return RunFolder(folder);
  if (!fs::is_directory(folder))
    fail("run folder {}: expected a folder, got a file", folder.string());
  // Checked before locking, so that a refused folder is left unchanged.
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (name == FolderLock::kName) continue;
    fail(
        "run folder {}: expected a new or empty folder, got one with {}; resume that run or "
        "choose another",
        folder.string(), name);
  }
  return RunFolder(folder);
}

bool RunFolder::is_one(const fs::path& folder) {
  // A config without versions may belong to future runs.
  return fs::exists(folder / "config.toml") && fs::exists(folder / "versions.json");
}

RunFolder RunFolder::of_rank_0(const fs::path& folder) {
  RunFolder result;
  result.path_ = folder;
  return result;
}

RunFolder RunFolder::open(const fs::path& folder) {
  if (!fs::exists(folder / "config.toml")) {
    fail("run folder {}: expected a folder of an earlier run, got {}", folder.string(),
         fs::is_directory(folder) ? "one without config.toml" : "a path that does not exist");
  }
  RunFolder result(folder);
  remove_temporaries(folder);
  return result;
}

}  // namespace quench::experiments
