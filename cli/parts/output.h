#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "cli/parts/command_line.h"

namespace quench::command {

/// What a file that a command writes holds.
enum class OutputKind { model, onnx, checkpoint, report, integer_table };

/// A file to write, which an option names. One is made before the work begins, so that a name that
/// cannot serve costs nothing:
///
/// - "-" is standard output. Everything else that the command prints then goes to standard error.
/// - A device or pipe is written straight; see write_file_atomically().
/// - A file that the command reads, or that belongs to a run, is refused, whatever its name is here.
/// - Any other file is replaced if it is empty or of the same kind, else only with --force.
class Output {
 public:
  struct Given {
    std::string option;  ///< for messages: "deploy -o"
    std::string name;    ///< what the option says
    OutputKind kind;
    bool force = false;
    /// The files and run folders that the command reads, and its other outputs.
    std::vector<std::filesystem::path> reads = {};
  };
  /// @throws std::invalid_argument  for a file that is refused
  /// @throws std::runtime_error     if its folder does not exist
  explicit Output(const Given& given);

  /// For whatever writes a file.
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// Adds --force.
void add_force(Subcommand& command, bool& force);

}  // namespace quench::command
