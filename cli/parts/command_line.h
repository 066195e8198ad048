#pragma once

#include <functional>
#include <string>
#include <vector>

#include "cli/parts/command_tree.h"

namespace CLI {  // NOLINT(readability-identifier-naming): the parser's namespace
class App;
}

namespace quench::cli {

/// The values that an option accepts, and how the help shows them.
struct OptionForm {
  bool required = false;
  bool show_default = false;
  const char* type_name = nullptr;        ///< "KEY=VALUE"; shells complete "FILE", "DIR" and so on
  std::vector<std::string> choices = {};  ///< empty: any
  double min = 0.0, max = 0.0;            ///< for a number; give both
  std::function<void()> when_given = {};
};

/// A subcommand of the program. Parsing writes into variables of the caller, which must outlive it.
/// The parser's header takes longer to compile than a whole subcommand, so only two files include
/// it.
class Subcommand {
 public:
  /// @param info  records what is added; must outlive this, as `app` must
  Subcommand(CLI::App& app, CommandInfo& info);

  Subcommand add_subcommand(const std::string& name, const std::string& summary);
  /// Requires one of the subcommands.
  void require_subcommand();

  /// `name` is an option if it starts with dashes; otherwise a positional, in capitals: CONFIG. A
  /// bool is a flag. A vector takes one value per occurrence of the option, or all remaining words.
  /// @tparam T  std::string, std::vector<std::string>, int, std::int64_t, double or bool
  template <typename T>
  void add(const std::string& name, T& value, const std::string& help, const OptionForm& form = {});

  /// Runs `function` in one process; it is an error if mpirun started several.
  void run(std::function<void()> function);
  /// Runs `function` on each rank that mpirun started.
  void run_as_ranks(std::function<void()> function);

  const CommandInfo& info() const { return *info_; }

 private:
  CLI::App* app_;
  CommandInfo* info_;
};

/// Ends the program with this status, without another message.
struct Exit {
  int status;
};

}  // namespace quench::cli
