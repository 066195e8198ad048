#include "cli/parts/output.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <fstream>
#include <string_view>

#include "experiments/compare/comparison_folder.h"
#include "experiments/config/config.h"
#include "experiments/runs/run_folder.h"
#include "support/error.h"

namespace quench::cli {
namespace {

namespace fs = std::filesystem;

struct Kind {
  const char* name;
  bool (*begins)(std::string_view file);  ///< whether a file of this kind begins like this
};

/// In the order of OutputKind.
constexpr std::array kKinds{
    Kind{"a model file",
         [](std::string_view file) { return file.starts_with("\x89QNC\r\n\x1a\n"); }},
    // The format's version, then the producer: other projects' networks are inputs.
    Kind{"an ONNX file of quench",
         [](std::string_view file) { return file.starts_with("\x08\x07\x12\x06quench"); }},
    Kind{"a checkpoint",
         [](std::string_view file) {
           return file.find("\"quench_checksum\"") != std::string_view::npos;
         }},
    Kind{"a report of quench",
         [](std::string_view file) {
           return file.starts_with("<!DOCTYPE html>") &&
                  file.find("<title>quench: ") != std::string_view::npos;
         }},
    Kind{"a table of integers",
         [](std::string_view file) { return file.starts_with("{\n \"model\": "); }},
};

const Kind& kind_of(const Output::Given& given) {
  return kKinds.at(static_cast<std::size_t>(given.kind));
}

template <typename... Args>
[[noreturn]] void refuse(const Output::Given& given, fmt::format_string<Args...> format,
                         Args&&... args) {
  throw std::invalid_argument(fmt::format("{} {}: {}", given.option, given.name,
                                          fmt::format(format, std::forward<Args>(args)...)));
}

/// The absolute path, with links resolved as far as it exists.
fs::path identity(const fs::path& path) {
  std::error_code error;
  const fs::path absolute = fs::absolute(path, error);
  fs::path result = fs::weakly_canonical(absolute, error);
  return error ? absolute : result;
}

/// Also works for two files that do not exist yet.
bool same_file(const fs::path& a, const fs::path& b) {
  std::error_code error;
  return fs::equivalent(a, b, error) || identity(a) == identity(b);
}

/// Whether `path` is the same file, terminal or pipe as standard output. /dev/null cannot mix
/// output, so it does not count.
bool is_standard_output(const std::string& path) {
  struct stat named {
  }, standard{};
  if (path == "-") return true;
  if (::stat(path.c_str(), &named) != 0 || ::fstat(STDOUT_FILENO, &standard) != 0) return false;
  const bool is_terminal = ::isatty(STDOUT_FILENO) == 1;
  return named.st_dev == standard.st_dev && named.st_ino == standard.st_ino &&
         (is_terminal || !S_ISCHR(standard.st_mode));
}

/// Reserves standard output for the file and returns its path.
fs::path take_standard_output(const Output::Given& given) {
  static bool is_taken = false;
  if (is_taken) refuse(given, "expected one output on standard output, got two");
  is_taken = true;
  std::fflush(stdout);
  const int kept = ::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
  if (kept < 0 || ::dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
    fail("{} {}: standard output is closed", given.option, given.name);
  return fmt::format("/dev/fd/{}", kept);
}

/// Whether the file at `path` may be replaced by one of this kind: it is one, or it is empty.
bool is_replaceable(const fs::path& path, const Kind& kind) {
  constexpr std::size_t kLookedAt = std::size_t{1} << 16;
  std::string beginning(kLookedAt, '\0');
  std::ifstream file(path, std::ios::binary);
  if (!file) fail("cannot read {} to check whether it may be replaced", path.string());
  file.read(beginning.data(), static_cast<std::streamsize>(beginning.size()));
  beginning.resize(static_cast<std::size_t>(file.gcount()));
  return beginning.empty() || kind.begins(beginning);
}

/// Whether a file of this name belongs to a run folder.
bool is_of_run(const std::string& name) {
  constexpr std::array kNames{"config.toml",
                              "versions.json",
                              "state.json",
                              "metrics.csv",
                              "metrics.jsonl",
                              "classes.txt",
                              "report.html",
                              "quantize.json",
                              "comparison.json",
                              "compare.json",
                              "compare.csv",
                              "log.txt",
                              experiments::kNetworkFile,
                              ".lock"};
  return std::ranges::find(kNames, name) != kNames.end() || name.ends_with(".safetensors") ||
         name.starts_with("events.out.") ||
         (name.starts_with("seed-") && (name.ends_with(".json") || name.ends_with(".log")));
}

/// @param file  in the folder of a run or comparison, which may also have the user's own files
void check_in_run(const Output::Given& given, const fs::path& file) {
  const std::string name = file.filename().string();
  std::error_code error;
  // A report may replace its own run's report, not another's.
  const auto is_own = [&file](const fs::path& run) { return same_file(run, file.parent_path()); };
  if (given.kind == OutputKind::report && name == "report.html" &&
      (!experiments::RunFolder::is_one(file.parent_path()) ||
       std::ranges::any_of(given.reads, is_own)))
    return;
  if (is_of_run(name) ||
      (fs::is_regular_file(file, error) && !is_replaceable(file, kind_of(given))))
    refuse(given, "expected a file that does not belong to a run, got {}", file.string());
}

void check_other_files(const Output::Given& given, const fs::path& target) {
  for (const fs::path& read : given.reads) {
    std::error_code error;
    if (!fs::is_directory(read, error)) {
      if (same_file(read, target)) refuse(given, "expected a file other than {}", read.string());
      continue;
    }
    for (const fs::directory_entry& entry : fs::directory_iterator(read, error)) {
      if (entry.is_regular_file(error) && same_file(entry.path(), target))
        check_in_run(given, entry.path());
    }
  }
  const fs::path folder = target.parent_path();
  if (experiments::RunFolder::is_one(folder) || experiments::ComparisonFolder::is_one(folder) ||
      experiments::ComparisonFolder::is_one(folder.parent_path()))
    check_in_run(given, target);
}

void check(const Output::Given& given) {
  if (given.name.empty()) refuse(given, "expected a file name");
  std::error_code error;
  const fs::path target = identity(given.name);
  const fs::file_status status = fs::status(target, error);
  if (fs::is_directory(status)) refuse(given, "expected a file, got a folder");
  if (fs::exists(status) && !fs::is_regular_file(status)) return;
  if (!fs::is_directory(target.parent_path(), error))
    fail("cannot write {}: folder {} does not exist", given.name, target.parent_path().string());
  check_other_files(given, target);
  const Kind& kind = kind_of(given);
  if (fs::exists(status) && !given.force && !is_replaceable(target, kind))
    refuse(given, "expected a new file or {}, got a file of another kind; --force replaces it",
           kind.name);
}

}  // namespace

Output::Output(const Given& given) {
  if (is_standard_output(given.name)) {
    path_ = take_standard_output(given);
  } else {
    check(given);
    path_ = given.name;
  }
}

void add_force(Subcommand& command, bool& force) {
  command.add("--force", force, "Replace an existing file of another kind");
}

}  // namespace quench::cli
