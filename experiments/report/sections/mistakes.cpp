#include <algorithm>
#include <cmath>

#include "experiments/report/comparable.h"
#include "experiments/report/html.h"
#include "experiments/report/sections/sections.h"
#include "support/error.h"
#include "support/text_number.h"

namespace quench::experiments::report {
namespace {

constexpr int kMostInMatrix = 20;  // larger matrices are not readable

std::string class_name(const Measurements& measured, int label) {
  return measured.classes.at(static_cast<std::size_t>(label));
}

/// Shaded by the share of the class's images, in one colour for correct and another for wrong
/// predictions.
HtmlCell count_cell(const ConfusionMatrix& confusion, int label, int predicted) {
  const std::int64_t count = confusion.count(label, predicted);
  HtmlCell cell(std::to_string(count));
  cell.css_class = count == 0 ? "none" : label == predicted ? "right" : "wrong";
  if (count > 0) {
    cell.css = fmt::format("--share:{:.3f}", static_cast<double>(count) /
                                                 static_cast<double>(confusion.images(label)));
  }
  return cell;
}

std::string matrix(const Measurements& measured) {
  const ConfusionMatrix& confusion = *measured.confusion;
  std::vector<HtmlTable::Column> columns{{"is / predicted as"}};
  for (int predicted = 0; predicted < confusion.classes(); ++predicted)
    columns.push_back({HtmlCell::raw(breakable_html(class_name(measured, predicted))), true});
  columns.push_back({"correct", true});
  HtmlTable table(std::move(columns));
  for (int label = 0; label < confusion.classes(); ++label) {
    std::vector<HtmlCell> cells{class_name(measured, label)};
    for (int predicted = 0; predicted < confusion.classes(); ++predicted) {
      cells.push_back(count_cell(confusion, label, predicted));
    }
    const auto images = static_cast<double>(confusion.images(label));
    cells.emplace_back(
        percent(100.0 * static_cast<double>(confusion.count(label, label)) / images, 1));
    table.add(std::move(cells));
  }
  return "<div class=\"confusion\">" + table.html() + "</div>";
}

/// The classes that are confused most, if there are many.
std::string pairs(const Measurements& measured) {
  HtmlTable table({{"is"}, {"predicted as"}, {"images", true}, {"of the class", true}});
  for (const auto& pair : measured.confusion->most_confused(kMostInMatrix)) {
    table.add({class_name(measured, pair.label), class_name(measured, pair.predicted),
               grouped(pair.count),
               percent(100.0 * static_cast<double>(pair.count) /
                           static_cast<double>(measured.confusion->images(pair.label)),
                       1)});
  }
  return table.empty() ? "" : table.html();
}

std::string pictures(const Measurements& measured) {
  std::string html;
  for (const WrongImage& image : measured.wrong) {
    const Mistake& mistake = image.mistake;
    const std::string is = class_name(measured, mistake.label);
    const std::string taken_for = class_name(measured, mistake.predicted);
    html += fmt::format(
        "<figure class=\"picture\"><img src=\"{}\" alt=\"{}\" width=\"96\" height=\"96\">"
        "<figcaption>{}<br>predicted as <b>{}</b><br>{}</figcaption></figure>\n",
        image.address, escape_html(is), breakable_html(is), breakable_html(taken_for),
        percent(100.0 * mistake.probability, 0));
  }
  return html.empty() ? ""
                      : "<p class=\"hint\">The most confident mistakes:</p>\n<div "
                        "class=\"pictures\">\n" +
                            html + "</div>\n";
}

std::string counted(const Measurements& measured) {
  const std::string which = measured.held_out ? "held-out" : "test";
  const std::string all = grouped(measured.evaluation_images);
  if (measured.shown_images == measured.evaluation_images)
    return fmt::format("all {} {} images", all, which);
  return fmt::format("{} of the {} {} images, evenly spaced", grouped(measured.shown_images), all,
                     which);
}

}  // namespace

std::string mistakes_section(Runs runs) {
  std::string html;
  for (const RunReport& run : runs) {
    if (!run.measured || !run.measured->confusion) continue;
    const Measurements& measured = *run.measured;
    const ConfusionMatrix& confusion = *measured.confusion;
    html += fmt::format(
        "<div class=\"mistakes\"><h3>{}</h3>\n<p class=\"hint\">{}: {} correct{}</p>\n{}{}</div>\n",
        run_label(run), counted(measured), grouped(confusion.correct()),
        is_quantized(run) ? ", with quantized weights" : "",
        confusion.classes() <= kMostInMatrix ? matrix(measured) : pairs(measured),
        pictures(measured));
  }
  return section("mistakes", "Mistakes", html);
}

}  // namespace quench::experiments::report
