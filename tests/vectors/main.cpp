#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "vectors/operations.h"

namespace quench::vectors {
namespace {

struct Count {
  int passed = 0, failed = 0, skipped = 0;
};

Tolerance read_tolerance(const Json& file, const char* kind) {
  const Json& entry = file.at("tolerance").at(kind);
  return {entry.at("rtol").get<double>(), entry.at("atol").get<double>()};
}

void run_case(const Case& c, const Tolerances& tolerances, Count& count) {
  const auto skip = [&](const std::string& why) {
    ++count.skipped;
    fmt::print("SKIP  {}  {}  -  {}\n", c.op, c.name, why);
  };
  const CaseFunction run = find_operation(c.op);
  if (run == nullptr) return skip("not implemented");
  Comparison comparison(tolerances);
  std::string failure;
  try {
    run(c, comparison);
    failure = comparison.failure();
  } catch (const NotThere& reason) {
    return skip(reason.why);
  } catch (const std::exception& error) {
    failure = error.what();
  }
  ++(failure.empty() ? count.passed : count.failed);
  fmt::print("{}  {}  {}  {:.3g}{}{}\n", failure.empty() ? "PASS" : "FAIL", c.op, c.name,
             comparison.largest_deviation(), failure.empty() ? "" : "  ", failure);
}

void run_file(const std::filesystem::path& path, Count& count) {
  std::ifstream stream(path);
  if (!stream) throw std::runtime_error("cannot be opened");
  const Json file = Json::parse(stream);
  const Tolerances tolerances{read_tolerance(file, "f32"), read_tolerance(file, "f32_reduced"),
                              read_tolerance(file, "f64")};
  for (const Json& entry : file.at("cases")) {
    const Case c{entry.at("op"), entry.at("name"), entry.at("params"), entry.at("inputs"),
                 entry.at("expect")};
    run_case(c, tolerances, count);
  }
}

/// The JSON files of a folder, sorted by name. @throws std::filesystem::filesystem_error
std::vector<std::filesystem::path> json_files(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() == ".json") files.push_back(entry.path());
  }
  std::ranges::sort(files);
  return files;
}

/// 0: no case failed; 1: one did; 2: there was nothing to read.
int run(const std::filesystem::path& folder) {
  Count count;
  std::filesystem::path current = folder;
  try {
    const std::vector<std::filesystem::path> files = json_files(folder);
    if (files.empty()) throw std::runtime_error("holds no .json file");
    for (const std::filesystem::path& file : files) {
      current = file;
      run_file(file, count);
    }
  } catch (const std::exception& error) {
    fmt::print(stderr, "vectors: {}: {}\n", current.string(), error.what());
    return 2;
  }
  fmt::print("{} passed, {} failed, {} skipped\n", count.passed, count.failed, count.skipped);
  return count.failed == 0 ? 0 : 1;
}

}  // namespace
}  // namespace quench::vectors

int main(int argc, char** argv) {
  if (argc != 2) {
    fmt::print(stderr, "usage: vectors DIR\nRuns the reference cases in DIR/*.json.\n");
    return 2;
  }
  return quench::vectors::run(argv[1]);
}
