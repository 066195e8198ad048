#include "layers/models/source_names.h"

#include <cctype>
#include <charconv>
#include <map>
#include <optional>
#include <string_view>

namespace quench::layers::models {
namespace {

/// Reads "{n}" or "{n+1}" from the front of a pattern.
struct Placeholder {
  std::string name;
  int offset = 0;

  static Placeholder take(std::string_view& pattern) {
    const std::string_view body = pattern.substr(1, pattern.find('}') - 1);
    pattern.remove_prefix(body.size() + 2);
    const std::size_t sign = body.find_first_of("+-");
    if (sign == std::string_view::npos) return {std::string(body)};
    return {std::string(body.substr(0, sign)), std::stoi(std::string(body.substr(sign)))};
  }
};

using Numbers = std::map<std::string, int>;

std::optional<int> take_number(std::string_view& text) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || text.front() == '-') return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

/// The part of `name` after the pattern; nothing if it does not match.
std::optional<std::string_view> match(std::string_view pattern, std::string_view name,
                                      Numbers& numbers) {
  while (!pattern.empty()) {
    if (name.empty()) return std::nullopt;
    if (pattern.front() == '{') {
      const std::optional<int> number = take_number(name);
      if (!number) return std::nullopt;
      numbers[Placeholder::take(pattern).name] = *number;
    } else {
      if (pattern.front() != name.front()) return std::nullopt;
      pattern.remove_prefix(1);
      name.remove_prefix(1);
    }
  }
  // "conv1" must not match "conv10".
  if (!name.empty() && name.front() != '.') return std::nullopt;
  return name;
}

std::string fill_in(std::string_view pattern, const Numbers& numbers) {
  std::string result;
  while (!pattern.empty()) {
    if (pattern.front() == '{') {
      const Placeholder placeholder = Placeholder::take(pattern);
      result += std::to_string(numbers.at(placeholder.name) + placeholder.offset);
    } else {
      result += pattern.front();
      pattern.remove_prefix(1);
    }
  }
  return result;
}

}  // namespace

std::string source_name(const SourceNames& names, const std::string& name) {
  std::string result = name;
  for (const Rename& rename : names.renames) {
    Numbers numbers;
    if (const auto rest = match(rename.from, result, numbers))
      result = fill_in(rename.to, numbers) + std::string(*rest);
  }
  return result;
}

}  // namespace quench::layers::models
