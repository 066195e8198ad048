#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>

#include "experiments/report/html.h"
#include "experiments/report/sections/sections.h"
#include "support/error.h"

namespace quench::experiments::report {
namespace {

/// A word quoted for a shell.
std::string shell_word(const std::string& word) {
  const auto plain = [](unsigned char c) {
    return std::isalnum(c) != 0 ||
           std::string_view("-_./=:,+@%").find(static_cast<char>(c)) != std::string_view::npos;
  };
  if (!word.empty() && std::ranges::all_of(word, plain)) return word;
  std::string quoted;
  for (const char c : word) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return fmt::format("'{}'", quoted);
}

/// A clean commit can be checked out; the changes of a "-dirty" one are not published.
std::string checkout(const Versions& versions) {
  if (versions.commit.empty()) return "";
  if (versions.commit.ends_with("-dirty"))
    return fmt::format("# sources of {} with uncommitted changes\n", versions.commit);
  return fmt::format("git checkout {}\n", versions.commit);
}

std::string commands(const RunReport& run) {
  std::string text = checkout(*run.record.versions);
  std::vector<std::string> words;
  for (const std::string& word : run.record.versions->command_line)
    words.push_back(shell_word(word));
  return fmt::format("<h3>{}</h3>\n<pre>{}</pre>\n", run_label(run),
                     escape_html(fmt::format("{}{}", text, fmt::join(words, " "))));
}

}  // namespace

std::string machine_section(Runs runs) {
  HtmlTable table({{"run"},
                   {"folder"},
                   {"seed", true},
                   {"CPU"},
                   {"ranks x threads", true},
                   {"quench"},
                   {"commit"},
                   {"oneDNN"},
                   {"compiler"}});
  std::string again =
      "<p class=\"hint\"><code>quench repeat RUN</code> repeats a run and reports whether the bits "
      "agree, "
      "and if not, where they first differ. The commands below repeat it from the sources.</p>\n";
  for (const RunReport& run : runs) {
    if (!run.record.versions) continue;
    const Versions& versions = *run.record.versions;
    table.add(
        {HtmlCell::raw(run_label(run)), run.record.folder.string(), std::to_string(versions.seed),
         versions.cpu, fmt::format("{} x {}", versions.ranks, versions.threads), versions.quench,
         versions.commit.empty() ? kDash : versions.commit, versions.onednn, versions.compiler});
    again += commands(run);
  }
  if (table.empty()) return "";
  return section("machine", "Machine, versions, and how to repeat it", table.html() + again);
}

}  // namespace quench::experiments::report
