#pragma once

#include <functional>
#include <string>
#include <vector>

#include "cli/parts/command_tree.h"

namespace CLI {  // NOLINT(readability-identifier-naming): the parser's
class App;
}

namespace quench::command {

/// What an option takes, and how the help shows it.
struct OptionForm {
  bool required = false;
  bool show_default = false;
  const char* type_name = nullptr;        ///< "KEY=VALUE"; shells complete "FILE", "DIR" and so on
  std::vector<std::string> choices = {};  ///< empty: any
  double min = 0.0, max = 0.0;            ///< of a number: both have to be given
  std::function<void()> when_given = {};
};

/// A subcommand of the program. Parsing writes into variables of the caller, which have to outlive
/// it. The parser's header takes longer to compile than all of a subcommand: only two files see it.
class Subcommand {
 public:
  /// @param info  receives what is added; outlives this, as `app` does
  Subcommand(CLI::App& app, CommandInfo& info);

  Subcommand add_subcommand(const std::string& name, const std::string& summary);
  /// One of those that were added has to be given.
  void require_subcommand();

  /// `name` is an option if it starts with dashes, else a positional, and then in capitals: CONFIG.
  /// A bool is a flag; a vector takes one value each time that the option is given, or all the
  /// words that remain.
  /// @tparam T  std::string, std::vector<std::string>, int, std::int64_t, double or bool
  template <typename T>
  void add(const std::string& name, T& value, const std::string& help, const OptionForm& form = {});

  /// What the subcommand does, in one process: that mpirun started several is an error.
  void run(std::function<void()> function);
  /// What each of the ranks does that mpirun started.
  void run_as_ranks(std::function<void()> function);

  const CommandInfo& info() const { return *info_; }

 private:
  CLI::App* app_;
  CommandInfo* info_;
};

/// Ends the program with this status and no further message.
struct Exit {
  int status;
};

}  // namespace quench::command
