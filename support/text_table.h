#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace quench {

/// A table of text for terminals and READMEs.
class TextTable {
 public:
  enum class Align : std::uint8_t { left, right };
  struct Column {
    std::string title;
    Align align = Align::left;
  };

  explicit TextTable(std::vector<Column> columns) : columns_(std::move(columns)) {}
  /// @throws std::invalid_argument  unless there is one cell per column
  void add(std::vector<std::string> cells);

  /// Columns padded to their widest cell and separated by two spaces, with a rule under the titles.
  std::string plain() const;
  /// GitHub Markdown; "|" in a cell is escaped.
  std::string markdown() const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace quench
