#include <algorithm>
#include <cmath>
#include <map>

#include "experiments/report/html.h"
#include "experiments/report/sections/sections.h"
#include "experiments/runs/layer_metrics.h"
#include "support/error.h"
#include "support/text_number.h"

namespace quench::experiments::report {
namespace {

/// Keeps every k-th name, so that the rest is legible.
std::vector<std::string> thinned(std::vector<std::string> names) {
  const std::size_t step = (names.size() + 29) / 30;
  for (std::size_t i = 0; i < names.size(); ++i)
    if (i % step != 0) names[i].clear();
  return names;
}

Plot noise_plot(Runs runs, const std::vector<std::string>& names) {
  Plot plot{.description = "Signal to quantization noise of each layer's output, by run",
            .x_label = "",
            .y_label = "SQNR of the output (dB)",
            .width = 1060,
            .height = 320,
            .legend = false,
            .x_names = thinned(names)};
  for (const RunReport& run : runs) {
    if (!run.measured) continue;
    Series series{.color = {SeriesColor::Kind::run, run.record.color()}};
    for (const LayerMeasurement& layer : run.measured->layers) {
      if (!layer.sqnr) continue;
      const auto position = std::ranges::find(names, layer.trace.name) - names.begin();
      series.points.emplace_back(static_cast<double>(position), layer.sqnr->normalized_output);
    }
    plot.series.push_back(std::move(series));
  }
  return plot;
}

/// The last values in metrics.jsonl, by layer, in percent.
std::map<std::string, double> sign_flips(const RunRecord& run) {
  std::map<std::string, double> result;
  if (run.epochs.empty()) return result;
  for (const SlotMetrics& slot : run.epochs.back().layers) {
    const std::size_t dot = slot.slot.rfind('.');
    for (const auto& [name, value] : slot.values)
      if (name == "sign_flips" && dot != std::string::npos)
        result[slot.slot.substr(0, dot)] = 100.0 * value;
  }
  return result;
}

/// Since when the slots of a layer are at a limit: "weight 1/14, input 2/3" for epochs and steps.
std::string at_limit_text(const RunRecord& run, const std::string& layer) {
  std::string text;
  if (run.epochs.empty()) return text;
  for (const SlotMetrics& slot : run.epochs.back().layers) {
    const std::size_t dot = slot.slot.rfind('.');
    if (dot == std::string::npos || slot.slot.substr(0, dot) != layer) continue;
    const auto value = [&slot](std::string_view name) {
      const auto found =
          std::ranges::find(slot.values, name, [](const auto& v) { return v.first; });
      return found == slot.values.end() ? std::optional<double>() : found->second;
    };
    const auto epoch = value(kAtLimitEpoch), step = value(kAtLimitStep);
    if (!epoch || !step) continue;
    text += fmt::format("{}{} {:.0f}/{:.0f}", text.empty() ? "" : ", ", slot.slot.substr(dot + 1),
                        *epoch, *step);
  }
  return text;
}

std::string scale_text(const SlotSummary& slot) {
  if (!slot.scale) return kDash;
  const auto [least, most] = *slot.scale;
  if (least == most) return short_number(least);
  return short_number(least) + " … " + short_number(most);
}

/// "a / b", for a weight and a layer's inputs.
template <typename Text>
std::string of_slots(const LayerMeasurement& layer, Text text) {
  std::string result = layer.weight ? text(*layer.weight) : kDash;
  if (layer.inputs.empty()) return result + " / " + kDash;
  for (const SlotSummary& input : layer.inputs) result += " / " + text(input);
  return result;
}

std::string noise_text(const LayerMeasurement& layer) {
  const std::string weight = decibels(layer.weight ? layer.weight->sqnr : std::nullopt);
  if (!layer.sqnr) return fmt::format("{} / {} / {}", weight, kDash, kDash);
  return fmt::format("{} / {} / {}", weight, decibels(layer.sqnr->input),
                     decibels(layer.sqnr->normalized_output));
}

/// The noise that a layer's own quantizers add, relative to the signal. 1 at most: at a better scale,
/// a weight of +1 and -1 would add less.
double own_noise(const LayerMeasurement& layer) {
  if (!layer.sqnr) return 0.0;
  double noise = 0.0;
  for (const std::optional<double>& db : {layer.sqnr->weight, layer.sqnr->input})
    if (db && !std::isnan(*db)) noise += std::min(1.0, std::pow(10.0, -*db / 10.0));
  return noise;
}

HtmlTable layer_table(const RunReport& run) {
  std::vector<HtmlTable::Column> columns{{"layer"},
                                         {"output"},
                                         {"weight"},
                                         {"MACs", true},
                                         {"bits, W x A"},
                                         {"KiB", true},
                                         {"scale, W / A", true},
                                         {"SQNR dB, W / A / output", true},
                                         {"error share %", true},
                                         {"saturated %, W / A", true},
                                         {"zeros %, W / A", true},
                                         {"sign flips %", true}};
  const auto flips = sign_flips(run.record);
  // A column for it alone where it happens.
  const bool limits = std::ranges::any_of(run.measured->layers, [&run](const auto& layer) {
    return !at_limit_text(run.record, layer.trace.name).empty();
  });
  if (limits) columns.push_back({"at a limit since"});
  HtmlTable table(columns);
  double all_noise = 0.0;
  for (const LayerMeasurement& layer : run.measured->layers) all_noise += own_noise(layer);
  for (const LayerMeasurement& layer : run.measured->layers) {
    const layers::LayerTrace& trace = layer.trace;
    const bool has_weight = layer.weight.has_value();
    const auto flip = flips.find(trace.name);
    std::vector<HtmlCell> cells{
        trace.name,
        shape_text(trace.output, true),
        has_weight ? shape_text(trace.weight, false) : kDash,
        has_weight ? grouped(trace.macs) : kDash,
        has_weight ? layer.bits : kDash,
        has_weight ? kib(layer.weight_bytes) : kDash,
        of_slots(layer, scale_text),
        noise_text(layer),
        all_noise > 0.0 ? fixed(100.0 * own_noise(layer) / all_noise, 1) : kDash,
        of_slots(layer, [](const SlotSummary& s) { return fixed(s.saturated_percent(), 2); }),
        of_slots(layer, [](const SlotSummary& s) { return fixed(s.zero_percent(), 1); }),
        flip == flips.end() ? kDash : fixed(flip->second, 2)};
    if (limits) {
      const std::string since = at_limit_text(run.record, trace.name);
      cells.emplace_back(since.empty() ? kDash : since);
    }
    table.add(std::move(cells));
  }
  return table;
}

constexpr const char* kExplanation =
    "<p class=\"hint\">W: weight, A: input of the layer. SQNR: signal to quantization noise ratio; "
    "at best 6 dB more per bit, 0 dB if noise equals the signal. The output's SQNR compares the "
    "quantized network with its float weights, so noise accumulates from layer to layer. Scaling "
    "and "
    "shifting a whole channel does not count there, because batch norm undoes it. It counts for W, "
    "so "
    "W's SQNR says little about weights of +1 and −1 without a scale. Error share: the layer's "
    "part "
    "of the noise that all weights and inputs add, each relative to its signal. Saturated: values "
    "beyond the "
    "ends of the grid by more than half a step. Sign flips: weights whose sign changed in the last "
    "epoch. At a limit since: the epoch and the step from which on a trained step, clip, threshold "
    "or factor has been where its method stops it; it hardly trains from there.</p>\n";

bool has_noise(const RunReport& run) {
  return run.measured && std::ranges::any_of(run.measured->layers, [](const auto& layer) {
           return layer.sqnr.has_value();
         });
}

}  // namespace

std::vector<std::string> layer_names(Runs runs) {
  std::vector<std::string> names;
  for (const RunReport& run : runs) {
    if (!run.measured) continue;
    for (const LayerMeasurement& layer : run.measured->layers) {
      if (std::ranges::find(names, layer.trace.name) == names.end())
        names.push_back(layer.trace.name);
    }
  }
  return names;
}

std::string layers_section(Runs runs) {
  const auto names = layer_names(runs);
  if (names.empty()) return "";
  std::string html = kExplanation;
  html += legend(runs, has_noise) +
          plot_figure(noise_plot(runs, names),
                      "Quantization noise in each layer's output, first layer on the left; "
                      "higher is better");
  for (const RunReport& run : runs) {
    if (!run.measured) continue;
    const Measurements& measured = *run.measured;
    std::string images = measured.noise_images == 0
                             ? "without images"
                             : fmt::format("measured on {} images", measured.noise_images);
    html += fmt::format("<h3>{}</h3>\n<p class=\"hint\">{}</p>\n{}", run_label(run), images,
                        layer_table(run).html());
  }
  return section("layers", "Layers", html);
}

}  // namespace quench::experiments::report
