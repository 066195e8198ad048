#include "experiments/name_map.h"

#include <algorithm>
#include <regex>
#include <set>
#include <sstream>

#include "support/error.h"
#include "support/file.h"

namespace quench::train {
namespace {

/// The names of the placeholders in `pattern`. @param form  of one
std::set<std::string> placeholders(const std::string& pattern, const std::regex& form,
                                   const std::string& where) {
  std::set<std::string> result;
  for (std::sregex_iterator match(pattern.begin(), pattern.end(), form), end; match != end; ++match)
    result.insert((*match)[1]);
  const std::string rest = std::regex_replace(pattern, form, "");
  if (rest.find_first_of("{}") != std::string::npos)
    fail("{}: expected placeholders as {{n}}, or in the second name {{n+1}}, got {}", where,
         pattern);
  return result;
}

void check(const std::string& from, const std::string& to, const std::string& where) {
  static const std::regex kFrom("\\{([a-z]+)\\}"), kTo("\\{([a-z]+)(?:[+-][0-9]{1,4})?\\}");
  const auto known = placeholders(from, kFrom, where), used = placeholders(to, kTo, where);
  if (!std::ranges::includes(known, used))
    fail("{}: expected placeholders of {} alone, got {}", where, from, to);
}

}  // namespace

NameMap::NameMap(const std::filesystem::path& path) : source_(path.string()) {
  std::istringstream lines(read_text(path, kMaxTextBytes));
  int number = 0;
  for (std::string line; std::getline(lines, line);) {
    const std::string where = fmt::format("{}:{}", source_, ++number);
    constexpr std::size_t kMaxLine = 1000;  // std::regex recurses once a character
    if (line.size() > kMaxLine)
      fail("{}: expected at most {} characters, got {}", where, kMaxLine, line.size());
    std::istringstream words(line.substr(0, line.find('#')));
    std::string from, to, more;
    if (!(words >> from)) continue;
    if (!(words >> to) || words >> more)
      fail("{}: expected two names, one here and one in the file of weights, got '{}'", where,
           line);
    check(from, to, where);
    words_.push_back(std::move(from));
    words_.push_back(std::move(to));
    renames_.push_back({words_[words_.size() - 2].c_str(), words_.back().c_str()});
  }
}

}  // namespace quench::train
