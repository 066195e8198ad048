#include "experiments/report/plots/svg_theme.h"

#include <charconv>
#include <vector>

#include "experiments/report/html.h"
#include "support/error.h"

namespace quench::experiments::report {
namespace {

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at))
    text.replace(at, from.size(), to), at += to.size();
}

/// "rgb(  2,   0,   1)": the three numbers after "rgb(".
struct Rgb {
  int parts[3] = {};
  std::size_t length = 0;  // of the text, "rgb(" and ")" included
};

Rgb parse_rgb(std::string_view text) {
  Rgb rgb;
  std::size_t at = 4;
  for (int& part : rgb.parts) {
    while (at < text.size() && (text[at] == ' ' || text[at] == ',')) ++at;
    const auto result = std::from_chars(text.data() + at, text.data() + text.size(), part);
    if (result.ec != std::errc{}) fail("plot: expected a colour, got '{}'", text.substr(0, 24));
    at = static_cast<std::size_t>(result.ptr - text.data());
  }
  const std::size_t end = text.find(')', at);
  if (end == std::string_view::npos) fail("plot: expected a colour, got '{}'", text.substr(0, 24));
  rgb.length = end + 1;
  return rgb;
}

/// The page's colour for a placeholder of gnuplot_script().
std::string page_color(const Rgb& rgb) {
  switch (rgb.parts[0]) {
    case 1:
      return "var(--grid)";
    case 2:
      return fmt::format("var(--run{})", rgb.parts[2]);
    case 3:
      return fmt::format("var(--depth{})", rgb.parts[2]);
    case 4:
      return "var(--level)";
    default:
      return "currentColor";
  }
}

void recolor(std::string& svg) {
  for (std::size_t at = svg.find("rgb("); at != std::string::npos; at = svg.find("rgb(", at)) {
    const Rgb rgb = parse_rgb(std::string_view(svg).substr(at));
    svg.replace(at, rgb.length, page_color(rgb));
  }
  replace_all(svg, "fill=\"black\"", "fill=\"currentColor\"");
  replace_all(svg, "stroke=\"black\"", "stroke=\"currentColor\"");
  replace_all(svg, "stroke='black'", "stroke='currentColor'");
  // Else it would be the ink of whatever says currentColor inside.
  replace_all(svg, " color=\"black\"", "");
  replace_all(svg, " color=\"gray\"", "");
  replace_all(svg, " color=\"white\"", "");
}

/// Points refer to shapes that every plot would define under the same names: put in their place.
/// @param use    the reference to such a shape
/// @param paint  the attribute that its colour belongs to
void inline_points(std::string& svg, std::string_view use, std::string_view shape,
                   std::string_view paint) {
  constexpr std::string_view kColor = " color=";
  for (std::size_t at = svg.find(use); at != std::string::npos; at = svg.find(use, at)) {
    svg.replace(at, use.size(), shape);
    const std::size_t color = svg.find(kColor, at);
    if (color < svg.find("/>", at)) svg.replace(color, kColor.size(), paint);
  }
}

void erase_between(std::string& text, std::string_view begin, std::string_view end) {
  for (std::size_t at = text.find(begin); at != std::string::npos; at = text.find(begin, at)) {
    const std::size_t stop = text.find(end, at + begin.size());
    if (stop == std::string::npos) return;
    text.erase(at, stop + end.size() - at);
  }
}

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    if (end != 0) lines.push_back(text.substr(0, end));
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return lines;
}

/// Texts stay as they are: a run may be called "rgb(".
std::string themed_line(std::string_view line) {
  std::string result(line);
  if (line.find("<text>") != std::string_view::npos) return result;
  erase_between(result, " id=\"", "\"");
  inline_points(result, "<use xlink:href='#gpPt6'", "<circle r='1' stroke='none'", " fill=");
  inline_points(result, "<use xlink:href='#gpPt5'", "<circle r='1' stroke-width='0.4' fill='none'",
                " stroke=");
  recolor(result);
  replace_all(result, " font-family=\"sans-serif\"", "");
  return result;
}

/// gnuplot opens and closes a group at every change of its pen, also where it draws nothing.
std::string themed_lines(std::string_view svg) {
  const auto lines = lines_of(svg);
  std::string result;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const bool opens = lines[i].starts_with("<g fill=\"none\"");
    if (opens && i + 1 < lines.size() && lines[i + 1] == "</g>") {
      ++i;
      continue;
    }
    result.append(themed_line(lines[i])).append("\n");
  }
  return result;
}

std::string view_box(std::string_view svg) {
  constexpr std::string_view kName = "viewBox=\"0 0 ";
  const std::size_t at = svg.find(kName);
  const std::size_t end = at == std::string_view::npos ? at : svg.find('"', at + kName.size());
  if (end == std::string_view::npos) fail("plot: expected an SVG with a viewBox");
  return std::string(svg.substr(at + kName.size(), end - at - kName.size()));
}

}  // namespace

std::string theme_svg(std::string_view svg, const std::string& description) {
  const std::string box = view_box(svg);
  const std::size_t begin = svg.find("<g id=\"gnuplot_canvas\">");
  const std::size_t end = svg.rfind("</svg>");
  if (begin == std::string_view::npos || end == std::string_view::npos || end < begin)
    fail("plot: expected an SVG as gnuplot makes it");
  std::string body(svg.substr(begin, end - begin));
  erase_between(body, "<defs>", "</defs>");
  erase_between(body, "<title>", "</title>");
  const std::size_t space = box.find(' ');
  const std::string name = escape_html(description);
  return fmt::format(
      "<svg viewBox=\"0 0 {0}\" width=\"{1}\" height=\"{2}\" role=\"img\" "
      "aria-label=\"{3}\">\n<title>{3}</title>\n{4}</svg>\n",
      box, box.substr(0, space), box.substr(space + 1), name, themed_lines(body));
}

}  // namespace quench::experiments::report
