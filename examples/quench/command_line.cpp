#include "examples/quench/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "core/error.h"

namespace quench::command {

Subcommand Subcommand::add_subcommand(const std::string& name, const std::string& summary) {
  return Subcommand(*app_->add_subcommand(name, summary));
}

void Subcommand::require_subcommand() { app_->require_subcommand(1); }

template <typename T>
void Subcommand::add(const std::string& name, T& value, const std::string& help,
                     const OptionForm& form) {
  if constexpr (std::is_same_v<T, bool>) {
    app_->add_flag(name, value, help);
    return;
  }
  const bool is_option = name.starts_with('-');
  // Options have lowercase names. CLI11 from 2.4 on ends the program for a positional "run" next to
  // an option "--run", so every build keeps the two apart.
  expect(is_option || std::ranges::none_of(name, [](char c) { return c >= 'a' && c <= 'z'; }),
         "command line: expected the positional {} in capitals", name);
  CLI::Option* option = app_->add_option(name, value, help);
  if constexpr (std::is_same_v<T, std::vector<std::string>>) option->allow_extra_args(!is_option);
  option->required(form.required);
  if (form.show_default) option->capture_default_str();
  if (form.type_name != nullptr) option->type_name(form.type_name);
  if (!form.choices.empty()) option->check(CLI::IsMember(form.choices));
  if (form.min != form.max) option->check(CLI::Range(form.min, form.max));
  if (form.when_given) option->each([given = form.when_given](const std::string&) { given(); });
}

template void Subcommand::add(const std::string&, std::string&, const std::string&,
                              const OptionForm&);
template void Subcommand::add(const std::string&, std::vector<std::string>&, const std::string&,
                              const OptionForm&);
template void Subcommand::add(const std::string&, int&, const std::string&, const OptionForm&);
template void Subcommand::add(const std::string&, std::int64_t&, const std::string&,
                              const OptionForm&);
template void Subcommand::add(const std::string&, double&, const std::string&, const OptionForm&);
template void Subcommand::add(const std::string&, bool&, const std::string&, const OptionForm&);

void Subcommand::run(std::function<void()> function) { app_->callback(std::move(function)); }

}  // namespace quench::command
