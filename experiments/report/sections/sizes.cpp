#include <set>

#include "experiments/report/html.h"
#include "experiments/report/sections/sections.h"
#include "support/error.h"
#include "support/text_number.h"

namespace quench::experiments::report {
namespace {

std::string share_text(double part, double whole) {
  return whole > 0.0 ? percent(100.0 * part / whole, 1) : kDash;
}

template <typename Map>
double value_at(const Map& map, const std::string& key) {
  const auto found = map.find(key);
  return found == map.end() ? 0.0 : static_cast<double>(found->second);
}

}  // namespace

std::string sizes_section(Runs runs) {
  HtmlTable table({{"run"},
                   {"parameters", true},
                   {"weights, KiB", true},
                   {"in fp32, KiB", true},
                   {"smaller", true},
                   {"bits, W x A"},
                   {"weights at these bits, KiB", true},
                   {"MACs at these bits", true},
                   {"share of MACs", true}});
  for (const RunReport& run : runs) {
    if (!run.measured) continue;
    const train::NetworkCost& cost = run.measured->cost;
    bool first = true;
    for (const auto& [bits, macs] : cost.macs_by_bits) {
      table.add({first ? HtmlCell::raw(run_label(run)) : HtmlCell(""),
                 first ? grouped(cost.parameters) : "", first ? kib(cost.weight_bytes) : "",
                 first ? kib(cost.float_bytes) : "",
                 first ? fmt::format("{:.1f} x", cost.float_bytes / cost.weight_bytes) : "", bits,
                 kib(value_at(cost.weight_bytes_by_bits, bits)), grouped(macs),
                 share_text(static_cast<double>(macs), static_cast<double>(cost.macs))});
      first = false;
    }
  }
  if (table.empty()) return "";
  return section("sizes", "Sizes and multiply-accumulates by bits",
                 "<p class=\"hint\">Only layers with a weight; parameters include biases and batch "
                 "norm. MACs: multiply-accumulates for one image.</p>\n" +
                     table.html());
}

}  // namespace quench::experiments::report
