#include "experiments/report/html.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>

#include "support/error.h"

namespace quench::experiments::report {
namespace {

std::string attributes(const HtmlTable::Column& column, const HtmlCell& cell) {
  std::string names = column.number ? "number" : "";
  if (!cell.css_class.empty())
    names += fmt::format("{}{}", names.empty() ? "" : " ", cell.css_class);
  std::string text = names.empty() ? "" : fmt::format(" class=\"{}\"", names);
  if (!cell.css.empty()) text += fmt::format(" style=\"{}\"", cell.css);
  return text;
}

/// A typographic minus, as wide as a plus.
std::string with_minus(std::string number) {
  if (number.starts_with('-')) number.replace(0, 1, "−");
  return number;
}

}  // namespace

std::string escape_html(std::string_view text) {
  std::string html;
  html.reserve(text.size());
  for (const char c : text) {
    switch (c) {
      case '&':
        html += "&amp;";
        break;
      case '<':
        html += "&lt;";
        break;
      case '>':
        html += "&gt;";
        break;
      case '"':
        html += "&quot;";
        break;
      case '\'':
        html += "&#39;";
        break;
      default: {
        const auto code = static_cast<unsigned char>(c);
        html += (code < 0x20 && c != '\n' && c != '\t') || code == 0x7f ? ' ' : c;
      }
    }
  }
  return html;
}

std::string breakable_html(std::string_view name) {
  std::string html;
  for (const char c : escape_html(name))
    html += c == '_' ? std::string("_<wbr>") : std::string(1, c);
  return html;
}

HtmlCell HtmlCell::raw(std::string html) {
  HtmlCell cell("");
  cell.html = std::move(html);
  return cell;
}

void HtmlTable::add(std::vector<HtmlCell> cells) {
  require(cells.size() == columns_.size(), "html table: expected {} cells, got {}", columns_.size(),
          cells.size());
  rows_.push_back(std::move(cells));
}

std::string HtmlTable::row(const std::vector<HtmlCell>& cells) const {
  std::string html = "<tr>";
  for (std::size_t i = 0; i < cells.size(); ++i) {
    // The first column is the row's header.
    html += fmt::format("<{}{}>{}</{}>", i == 0 ? "th scope=\"row\"" : "td",
                        attributes(columns_[i], cells[i]), cells[i].html, i == 0 ? "th" : "td");
  }
  return html + "</tr>\n";
}

std::string HtmlTable::html() const {
  std::string html = "<div class=\"scroll\"><table>\n<thead><tr>";
  for (const Column& column : columns_) {
    html += fmt::format("<th scope=\"col\"{}>{}</th>", column.number ? " class=\"number\"" : "",
                        column.title.html);
  }
  html += "</tr></thead>\n<tbody>\n";
  for (const auto& cells : rows_) html += row(cells);
  return html + "</tbody></table></div>\n";
}

std::string fixed(const std::optional<double>& value, int decimals) {
  if (!value || !std::isfinite(*value)) return kDash;
  const std::string text = fmt::format("{:.{}f}", *value, decimals);
  // Values that round to 0 have no sign.
  const bool is_zero = text.find_first_not_of("-0.") == std::string::npos;
  return with_minus(is_zero && text.starts_with('-') ? text.substr(1) : text);
}

std::string percent(const std::optional<double>& value, int decimals) {
  const std::string text = fixed(value, decimals);
  return text == kDash ? text : text + " %";
}

std::string signed_points(double difference) {
  const std::string text = fixed(difference, 2);
  return difference > 0.0 && text != "0.00" ? "+" + text : text;
}

std::string decibels(const std::optional<double>& value) {
  if (value && std::isinf(*value)) return *value > 0.0 ? "exact" : "only noise";
  return fixed(value, 1);
}

std::string short_number(double value) {
  return std::isfinite(value) ? with_minus(fmt::format("{:.4g}", value)) : kDash;
}

std::string shape_text(const Shape& shape, bool without_batch) {
  return fmt::format("{}", fmt::join(shape.sizes().subspan(without_batch ? 1 : 0), "x"));
}

}  // namespace quench::experiments::report
