#include "support/text_table.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "support/error.h"

namespace quench {
namespace {

/// Counts code points, not bytes: a plus-minus sign takes two bytes and one column.
std::size_t display_width(const std::string& text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0u) != 0x80u; }));
}

std::string padded(const std::string& text, std::size_t width, TextTable::Align align) {
  const std::string space(width - std::min(width, display_width(text)), ' ');
  return align == TextTable::Align::left ? text + space : space + text;
}

std::string escaped(const std::string& text) {
  std::string result;
  for (const char c : text) {
    if (c == '|') result += '\\';
    result += c;
  }
  return result;
}

std::string line(const std::vector<std::string>& cells, std::string_view between) {
  std::string result = fmt::format("{}", fmt::join(cells, between));
  result.erase(result.find_last_not_of(' ') + 1);
  return result + "\n";
}

}  // namespace

void TextTable::add(std::vector<std::string> cells) {
  require(cells.size() == columns_.size(), "text table: expected {} cells, got {}", columns_.size(),
          cells.size());
  rows_.push_back(std::move(cells));
}

std::string TextTable::plain() const {
  std::vector<std::size_t> widths;
  std::vector<std::string> titles, rule;
  for (std::size_t c = 0; c < columns_.size(); ++c) {
    std::size_t width = display_width(columns_[c].title);
    for (const auto& row : rows_) width = std::max(width, display_width(row[c]));
    widths.push_back(width);
    titles.push_back(padded(columns_[c].title, width, columns_[c].align));
    rule.push_back(std::string(width, '-'));
  }
  std::string text = line(titles, "  ") + line(rule, "  ");
  for (const auto& row : rows_) {
    std::vector<std::string> cells;
    for (std::size_t c = 0; c < row.size(); ++c)
      cells.push_back(padded(row[c], widths[c], columns_[c].align));
    text += line(cells, "  ");
  }
  return text;
}

std::string TextTable::markdown() const {
  std::string titles = "|", rule = "|", body;
  for (const Column& column : columns_) {
    titles += fmt::format(" {} |", escaped(column.title));
    rule += column.align == Align::left ? "---|" : "---:|";
  }
  for (const auto& row : rows_) {
    body += "|";
    for (const std::string& cell : row) body += fmt::format(" {} |", escaped(cell));
    body += "\n";
  }
  return titles + "\n" + rule + "\n" + body;
}

}  // namespace quench
