#include "cli/completion/completion.h"

#include <fmt/format.h>

#include <memory>

#include "cli/command.h"

namespace quench::cli {

void add_completion(Subcommand& program) {
  Subcommand command = program.add_subcommand(
      "completion", "Print a script that completes the command line in a shell");
  const auto shell = std::make_shared<std::string>();
  command.add("SHELL", *shell, "The shell", {.required = true, .choices = {"bash", "fish", "zsh"}});
  command.run([program, shell] {
    const auto script = *shell == "bash"   ? bash_completion
                        : *shell == "fish" ? fish_completion
                                           : zsh_completion;
    fmt::print("{}", script(program.info()));
  });
}

}  // namespace quench::cli
