#include "support/toml_nesting.h"

#include <algorithm>

#include "support/error.h"

namespace quench {
namespace {

/// The end of the string or comment that begins at `at`; `at` itself if neither begins there.
std::size_t skip_text(std::string_view text, std::size_t at) {
  const char quote = text[at];
  if (quote == '#') return std::min(text.find('\n', at), text.size());
  if (quote != '"' && quote != '\'') return at;
  const std::string three(3, quote);
  const bool is_long = text.substr(at).starts_with(three);
  std::size_t end = at + (is_long ? 3 : 1);
  for (; end < text.size(); ++end) {
    if (quote == '"' && text[end] == '\\') {
      ++end;
    } else if (is_long ? text.substr(end).starts_with(three) : text[end] == quote) {
      if (!is_long) return end + 1;
      // Up to two quotes before the closing three belong to the string.
      end += 3;
      for (int i = 0; i < 2 && end < text.size() && text[end] == quote; ++i) ++end;
      return end;
    } else if (!is_long && text[end] == '\n') {
      break;  // an error that the parser reports
    }
  }
  return std::min(end, text.size());
}

}  // namespace

void check_toml_nesting(std::string_view text, const std::string& name) {
  int brackets = 0, dots = 0;
  bool in_key = true;
  for (std::size_t at = 0; at < text.size();) {
    if (const std::size_t end = skip_text(text, at); end > at) {
      at = end;
      continue;
    }
    const char c = text[at++];
    if (c == '[' || c == '{') ++brackets;
    if (c == ']' || c == '}') --brackets;
    if (c == '.' && in_key) ++dots;
    if (c == '=' || c == ',' || c == '{' || c == '\n') {
      in_key = c != '=';
      dots = 0;
    }
    if (std::max(brackets, dots) >= kMaxTomlNesting) {
      const auto line = 1 + std::ranges::count(text.substr(0, at), '\n');
      throw std::invalid_argument(
          fmt::format("{}:{}: expected tables and lists at most {} levels deep, got more", name,
                      line, kMaxTomlNesting));
    }
  }
}

}  // namespace quench
