#include "cli/list_config.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <vector>

#include "experiments/config/config_reference.h"
#include "support/console.h"
#include "support/error.h"
#include "support/suggest.h"
#include "support/text_table.h"

namespace quench::cli {
namespace {

using experiments::ConfigTable;

/// '[model] with name = "cnv", "binarynet"'.
std::string title_of(const ConfigTable& table) {
  std::string title;
  for (const std::string& name : table.names)
    title += fmt::format("{}[{}]", title.empty() ? "" : ", ", name);
  if (table.names.front().empty()) title = "Before all tables";
  return table.condition.empty() ? title : fmt::format("{} with {}", title, table.condition);
}

/// A default that a reader keeps as float32 as its few digits: "0.1", not "0.10000000149011612".
std::string short_number(const std::string& text) {
  constexpr std::size_t kLong = 12;
  double value = 0.0;
  const auto end = std::from_chars(text.data(), text.data() + text.size(), value).ptr;
  const auto narrow = static_cast<float>(value);
  const bool is_float = end == text.data() + text.size() && static_cast<double>(narrow) == value;
  return is_float && text.size() > kLong ? fmt::format("{}", narrow) : text;
}

std::string default_of(const SettingInfo& info) {
  if (!info.fallback.empty()) return short_number(info.fallback);
  return info.required ? "required" : "-";
}

std::string code(const std::string& text) { return text == "-" ? text : "`" + text + "`"; }

std::string markdown(const ConfigTable& table) {
  TextTable rows({{"key"}, {"default"}, {"accepts"}, {"meaning"}});
  for (const SettingInfo& info : table.keys) {
    const std::string fallback = default_of(info);
    rows.add(
        {code(info.key), info.required ? fallback : code(fallback), info.accepts, info.meaning});
  }
  return fmt::format("## {}\n\n{}\n", title_of(table), rows.markdown());
}

/// The words of `text` in lines of at most `width` columns, each after `indent`.
std::string wrapped(const std::string& text, const std::string& indent, std::size_t width) {
  std::string result, rest = text;
  while (rest.size() + indent.size() > width) {
    const std::size_t cut = rest.rfind(' ', width - indent.size());
    if (cut == std::string::npos) break;
    result += indent + rest.substr(0, cut) + '\n';
    rest = rest.substr(cut + 1);
  }
  return result + indent + rest + '\n';
}

/// Two lines of a config and of prose for each key, which fit a terminal.
std::string plain(const ConfigTable& table) {
  // Files and pipes get whole lines, for grep.
  const bool is_terminal = ::isatty(STDOUT_FILENO) == 1;
  const auto width = is_terminal ? static_cast<std::size_t>(std::max(60, terminal_width(stdout)))
                                 : std::numeric_limits<std::size_t>::max();
  std::string text = wrapped(title_of(table), "", width);
  for (const SettingInfo& info : table.keys) {
    const std::string fallback = default_of(info);
    text += wrapped(fmt::format("{} = {}", info.key, fallback), "  ", width);
    text += wrapped(fmt::format("{}; {}", info.meaning, info.accepts), "      ", width);
  }
  return text + '\n';
}

/// "quant" is wanted: quant.lsq is of it.
bool belongs_to(const std::string& name, const std::string& wanted) {
  return wanted.empty() || name == wanted || name.starts_with(wanted + ".") ||
         name.starts_with(wanted + "[]");
}

}  // namespace

void list_config(const std::string& wanted, bool as_markdown) {
  std::vector<std::string> names;
  bool found = false;
  for (const ConfigTable& table : experiments::config_reference()) {
    names.insert(names.end(), table.names.begin(), table.names.end());
    if (std::ranges::none_of(table.names,
                             [&](const auto& name) { return belongs_to(name, wanted); }))
      continue;
    found = true;
    fmt::print("{}", as_markdown ? markdown(table) : plain(table));
  }
  require(found, "list config: expected a table of the config, got '{}'{}", wanted,
          suggestion(wanted, names));
}

}  // namespace quench::cli
