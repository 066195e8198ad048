#include "cli/parts/command_line.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "cli/parts/ranks.h"
#include "core/parallel.h"
#include "support/error.h"

namespace quench::cli {

namespace {

/// "--run" and so on; the parser drops the dashes.
std::vector<std::string> names_of(const CLI::Option& option) {
  std::vector<std::string> names;
  for (const std::string& name : option.get_snames()) names.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) names.push_back("--" + name);
  if (names.empty()) names.push_back(option.get_name(true));
  return names;
}

/// The name of a value in the help, if the form does not give one.
template <typename T>
std::string value_name(const OptionForm& form) {
  if (!form.choices.empty()) return fmt::format("{}", fmt::join(form.choices, "|"));
  // A larger bound only rejects nonsense.
  if (form.min != form.max && form.max <= kMaxThreads)
    return fmt::format("{}..{}", form.min, form.max);
  if constexpr (std::is_same_v<T, double>) return "X";
  return std::is_integral_v<T> ? "N" : "TEXT";
}

template <typename T>
T parse_number(const std::string& option, const std::string& text, const OptionForm& form) {
  T value{};
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  // Written so that NaN is rejected.
  const auto number = static_cast<double>(value);
  if (error == std::errc{} && stop == end && number >= form.min && number <= form.max) return value;
  throw CLI::ValidationError(option, fmt::format("expected {} from {} to {}, got '{}'",
                                                 std::is_integral_v<T> ? "an integer" : "a number",
                                                 form.min, form.max, text));
}

/// Parsed here: the parser would read 010 as 8 and accept NaN in any range.
template <typename T>
CLI::Option* add_number(CLI::App& app, const std::string& name, T& value, const std::string& help,
                        const OptionForm& form) {
  expect(form.min < form.max, "option {}: expected a range", name);
  const auto parse = [&value, name, form](const std::string& text) {
    value = parse_number<T>(name, text, form);
  };
  CLI::Option* option = app.add_option_function<std::string>(name, parse, help);
  if (form.show_default) option->default_str(fmt::format("{}", value));
  return option;
}

template <typename T>
constexpr bool kIsNumber = std::is_arithmetic_v<T> && !std::is_same_v<T, bool>;

}  // namespace

Subcommand::Subcommand(CLI::App& app, CommandInfo& info) : app_(&app), info_(&info) {
  // --help, which the parser adds.
  for (const CLI::Option* option : app.get_options())
    info_->options.push_back({names_of(*option), "", option->get_description()});
}

Subcommand Subcommand::add_subcommand(const std::string& name, const std::string& summary) {
  info_->subcommands.push_back({name, summary});
  return Subcommand(*app_->add_subcommand(name, summary), info_->subcommands.back());
}

void Subcommand::require_subcommand() { app_->require_subcommand(1); }

template <typename T>
void Subcommand::add(const std::string& name, T& value, const std::string& help,
                     const OptionForm& form) {
  if constexpr (std::is_same_v<T, bool>) {
    const CLI::Option* flag = app_->add_flag(name, value, help);
    info_->options.push_back({names_of(*flag), "", help});
    return;
  }
  const bool is_option = name.starts_with('-');
  // Options have lowercase names. CLI11 2.4 and later refuses a positional "run" next to an option
  // "--run", so every build keeps the two apart.
  expect(is_option || std::ranges::none_of(name, [](char c) { return c >= 'a' && c <= 'z'; }),
         "command line: expected the positional {} in capitals", name);
  CLI::Option* option = nullptr;
  if constexpr (kIsNumber<T>) {
    option = add_number(*app_, name, value, help, form);
  } else {
    option = app_->add_option(name, value, help);
    if (form.show_default) option->capture_default_str();
  }
  if constexpr (std::is_same_v<T, std::vector<std::string>>) option->allow_extra_args(!is_option);
  option->required(form.required);
  const std::string named = form.type_name != nullptr ? form.type_name : value_name<T>(form);
  // A positional's name describes its value; choices are listed in the help.
  option->type_name(is_option || !form.choices.empty() ? named : "");
  // Without the validator's description, which the value's name repeats.
  if (!form.choices.empty()) option->check(CLI::IsMember(form.choices).description(""));
  if (form.when_given) option->each([given = form.when_given](const std::string&) { given(); });
  info_->options.push_back({.names = names_of(*option),
                            .value = is_option ? named : name,
                            .help = help,
                            .choices = form.choices,
                            .required = form.required,
                            .repeats = std::is_same_v<T, std::vector<std::string>>});
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

void Subcommand::run(std::function<void()> function) {
  app_->callback([name = app_->get_name(), function = std::move(function)] {
    require_one_process(name);
    function();
  });
}

void Subcommand::run_as_ranks(std::function<void()> function) {
  app_->callback([function = std::move(function)] { run_as_rank(function); });
}

}  // namespace quench::cli
