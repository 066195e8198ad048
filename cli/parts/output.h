#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "cli/parts/command_line.h"

namespace quench::cli {

/// The kind of a file that a command writes.
enum class OutputKind { model, onnx, checkpoint, report, integer_table };

/// A file to write, named by an option. It is checked before the work begins, so that a wrong name
/// costs no time:
///
/// - "-" is standard output. All other output of the command then goes to standard error.
/// - A device or pipe is written directly; see write_file_atomically().
/// - A file that the command reads, or that belongs to a run, is refused under any name.
/// - Any other file is replaced if it is empty or of the same kind, otherwise only with --force.
class Output {
 public:
  struct Given {
    std::string option;  ///< for messages: "deploy -o"
    std::string name;    ///< value of the option
    OutputKind kind;
    bool force = false;
    /// The files and run folders that the command reads, and its other outputs.
    std::vector<std::filesystem::path> reads = {};
  };
  /// @throws std::invalid_argument  for a refused file
  /// @throws std::runtime_error     if its folder does not exist
  explicit Output(const Given& given);

  /// The path to write to.
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// Adds --force.
void add_force(Subcommand& command, bool& force);

}  // namespace quench::cli
