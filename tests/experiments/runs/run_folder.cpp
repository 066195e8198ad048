#include "experiments/runs/run_folder.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <fstream>
#include <stdexcept>
#include <string>

#include "temporary_folder.h"

using namespace quench;
using namespace quench::experiments;

namespace {

template <typename Make>
std::string error_of(Make make) {
  try {
    make();
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace

TEST_CASE("RunFolder: runs of one name are numbered, the first free number first") {
  const TemporaryFolder folder;
  const auto runs = folder / "deep" / "runs";
  CHECK(RunFolder::create(runs, "quick").path() == runs / "quick-1");
  CHECK(RunFolder::create(runs, "quick").path() == runs / "quick-2");
  CHECK(RunFolder::create(runs, "other").path() == runs / "other-1");
  std::filesystem::remove_all(runs / "quick-1");
  CHECK(RunFolder::create(runs, "quick").path() == runs / "quick-1");
}

TEST_CASE("RunFolder: a given folder must be new or empty") {
  const TemporaryFolder folder;
  const auto path = folder / "mine";
  CHECK(RunFolder::create_at(path).metrics() == path / "metrics.csv");
  CHECK(RunFolder::create_at(path).path() == path);  // only the lock file is in it
  std::ofstream(path / "config.toml") << "x = 1\n";
  CHECK(error_of([&] { RunFolder::create_at(path); }) ==
        "run folder " + path.string() +
            ": expected a new or empty folder, got one with config.toml; resume that run or "
            "choose another");
  CHECK(error_of([&] { RunFolder::create_at(path / "config.toml"); }) ==
        "run folder " + (path / "config.toml").string() + ": expected a folder, got a file");
}

TEST_CASE("RunFolder: only a run's folder can be opened, and leftovers of a kill are removed") {
  const TemporaryFolder folder;
  const auto path = folder / "mine";
  CHECK(error_of([&] { RunFolder::open(path); }) ==
        "run folder " + path.string() +
            ": expected a folder of an earlier run, got a path that does not exist");
  std::filesystem::create_directory(path);
  CHECK(error_of([&] { RunFolder::open(path); }) ==
        "run folder " + path.string() +
            ": expected a folder of an earlier run, got one without config.toml");
  std::ofstream(path / "config.toml") << "";
  std::ofstream(path / "last.safetensors.17-0.tmp") << "half";
  CHECK(RunFolder::open(path).path() == path);
  CHECK_FALSE(std::filesystem::exists(path / "last.safetensors.17-0.tmp"));
}

TEST_CASE("RunFolder: a second user of the folder is rejected until the first has finished") {
  const TemporaryFolder folder;
  const auto path = folder / "mine";
  {
    const RunFolder first = RunFolder::create_at(path);
    std::ofstream(first.config()) << "";
    CHECK(error_of([&] { RunFolder::open(path); }) ==
          "run folder " + path.string() + ": in use by process " + std::to_string(::getpid()));
  }
  CHECK(error_of([&] { RunFolder::open(path); }) == "no error");
}

TEST_CASE("RunFolder: the error names a folder that cannot be created") {
  const auto path = std::filesystem::path("/proc/quench/run");
  CHECK(error_of([&] { RunFolder::create_at(path); }).starts_with("run folder /proc/quench/run: "));
}
