#include "experiments/report/plots/plot_sheet.h"

#include <fmt/format.h>

#include <cstddef>
#include <utility>

#include "experiments/report/plots/gnuplot.h"

namespace quench::experiments::report {
namespace {

/// Around the number of a plot; escaped text has no control character, so no name can look like it.
constexpr char kBegin = '\x02', kEnd = '\x03';

}  // namespace

std::string PlotSheet::figure(Plot plot, const std::string& caption) {
  if (!plot.drawable()) return "";
  plots_.push_back(std::move(plot));
  return fmt::format("<figure class=\"plot\"><figcaption>{}</figcaption>{}{}{}</figure>\n", caption,
                     kBegin, plots_.size() - 1, kEnd);
}

std::string PlotSheet::fill(const std::string& html) const {
  const std::vector<std::string> drawings = draw(plots_);
  std::string result;
  std::size_t from = 0;
  for (std::size_t mark = html.find(kBegin); mark != std::string::npos;
       mark = html.find(kBegin, from)) {
    const std::size_t end = html.find(kEnd, mark);
    const std::size_t plot = std::stoul(html.substr(mark + 1, end - mark - 1));
    result.append(html, from, mark - from).append(drawings.at(plot));
    from = end + 1;
  }
  return result.append(html, from);
}

}  // namespace quench::experiments::report
