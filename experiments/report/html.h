#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/shape.h"

namespace quench::experiments::report {

/// Escapes text for an element or a quoted attribute: & < > " ' become entities. Control characters
/// other than newline and tab, which HTML does not allow, become spaces.
std::string escape_html(std::string_view text);

/// escape_html() of a name, with a possible line break after each underscore.
std::string breakable_html(std::string_view name);

/// A cell: text to escape, or HTML that is already escaped.
struct HtmlCell {
  HtmlCell(std::string_view text) : html(escape_html(text)) {}
  HtmlCell(const std::string& text) : html(escape_html(text)) {}
  HtmlCell(const char* text) : html(escape_html(text)) {}
  static HtmlCell raw(std::string html);

  std::string html;
  std::string css_class = {};
  std::string css = {};  ///< inline style of the cell
};

/// A table of a page; numbers are right-aligned.
class HtmlTable {
 public:
  struct Column {
    HtmlCell title;
    bool number = false;
  };

  explicit HtmlTable(std::vector<Column> columns) : columns_(std::move(columns)) {}
  /// @throws std::invalid_argument  for another number of cells than columns
  void add(std::vector<HtmlCell> cells);
  bool empty() const { return rows_.empty(); }

  /// The table in a box that scrolls horizontally if the page is too narrow.
  std::string html() const;

 private:
  std::string row(const std::vector<HtmlCell>& cells) const;

  std::vector<Column> columns_;
  std::vector<std::vector<HtmlCell>> rows_;
};

// Number formats of the page, with a typographic minus; missing and non-finite values become a
// dash.

inline constexpr const char* kDash = "–";

std::string fixed(const std::optional<double>& value, int decimals);
std::string percent(const std::optional<double>& value, int decimals = 2);  ///< "91.20 %"
std::string signed_points(double difference);              ///< "+3.10", "−3.10", "0.00"
std::string decibels(const std::optional<double>& value);  ///< "12.3"; "exact" without noise
std::string short_number(double value);                    ///< 4 significant digits
/// "16x32x32" without the first size, the batch; or including it.
std::string shape_text(const Shape& shape, bool without_batch);

}  // namespace quench::experiments::report
