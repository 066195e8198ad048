#include "cli/parts/quantize_report.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

#include "cli/parts/quantizer_text.h"
#include "layers/quantized_layer.h"
#include "support/text_table.h"

namespace quench::command {
namespace {

using Reasons = std::vector<std::pair<std::string, std::string>>;  ///< layer, why

nlohmann::json skipped_json(const Reasons& skipped) {
  nlohmann::json rows = nlohmann::json::array();
  for (const auto& [layer, reason] : skipped)
    rows.push_back({{"layer", layer}, {"reason", reason}});
  return rows;
}

nlohmann::json pairs_json(const std::vector<std::pair<std::string, std::string>>& pairs) {
  nlohmann::json rows = nlohmann::json::array();
  for (const auto& [layer, reader] : pairs) rows.push_back({{"layer", layer}, {"reader", reader}});
  return rows;
}

nlohmann::json to_json(const EqualizationReport& report) {
  return {{"pairs", pairs_json(report.pairs)},
          {"skipped", skipped_json(report.excluded)},
          {"sweeps", report.sweeps},
          {"last_change", report.change}};
}

nlohmann::json to_json(const BiasAbsorptionReport& report) {
  return {{"pairs", pairs_json(report.pairs)},
          {"channels", report.channels},
          {"skipped", skipped_json(report.excluded)}};
}

nlohmann::json to_json(const DepthwiseRescaleReport& report) {
  return {{"pairs", pairs_json(report.pairs)},
          {"locked_channels", report.locked},
          {"skipped", skipped_json(report.excluded)}};
}

nlohmann::json to_json(const BiasCorrectionReport& report) {
  return {{"corrected", report.corrected}, {"skipped", skipped_json(report.skipped)}};
}

nlohmann::json to_json(const std::vector<train::LayerSqnr>& layers) {
  nlohmann::json rows = nlohmann::json::array();
  for (const train::LayerSqnr& layer : layers) {
    nlohmann::json row{{"layer", layer.layer}, {"output_sqnr_db", layer.output}};
    if (layer.weight) row["weight_sqnr_db"] = *layer.weight;
    if (layer.input) row["input_sqnr_db"] = *layer.input;
    rows.push_back(std::move(row));
  }
  return rows;
}

/// "; not conv1, conv2 (why), conv3 (why else)", reasons in the order in which they come first.
std::string but_not(const Reasons& skipped) {
  std::vector<std::pair<std::string, std::vector<std::string>>> groups;
  for (const auto& [layer, reason] : skipped) {
    const auto known = std::ranges::find(groups, reason, [](const auto& g) { return g.first; });
    auto& group = known != groups.end() ? *known : groups.emplace_back(reason, 0);
    group.second.push_back(layer);
  }
  std::string text;
  for (const auto& [reason, layers] : groups)
    text +=
        fmt::format("{}{} ({})", text.empty() ? "; not " : ", ", fmt::join(layers, ", "), reason);
  return text;
}

std::string decibels(const std::optional<double>& value) {
  if (!value) return "-";
  return std::isinf(*value) && *value > 0.0 ? "exact" : fmt::format("{:.1f}", *value);
}

/// DoReFa and APoT rescale or normalize a weight, for a network that learns to live with it: of one
/// that did not, they leave less than the signs alone would (4.4 dB of a normal distribution).
void print_strangers(Module& network, const std::vector<train::LayerSqnr>& rows) {
  constexpr double kLeastDb = 3.0;
  std::map<std::string, int> counts;
  for (QuantizedLayer* layer : network.quantized_layers()) {
    const auto row = std::ranges::find(rows, layer->name(), &train::LayerSqnr::layer);
    if (row != rows.end() && row->weight.value_or(kLeastDb) < kLeastDb)
      ++counts[layer->weight_quantizer().method()];
  }
  for (const auto& [method, count] : counts)
    fmt::print(
        "{} makes other weights of those of {} layers (SQNR below {:.0f} dB): train with it\n",
        method, count, kLeastDb);
}

}  // namespace

nlohmann::json quantize_json(const train::PostTrainingResult& result) {
  nlohmann::json json{{"images", result.quantized.images},
                      {"top1_float", result.floating.top1()},
                      {"top1_quantized", result.quantized.top1()},
                      {"layers", to_json(result.layers)}};
  const auto add = [&json](const char* key, const auto& step) {
    if (step) json[key] = to_json(*step);
  };
  add("equalization", result.calibration.equalization);
  add("bias_absorption", result.calibration.bias_absorption);
  add("depthwise_rescale", result.calibration.depthwise_rescale);
  add("bias_correction", result.calibration.bias_correction);
  return json;
}

void print_steps(const train::CalibrationReport& report) {
  if (const auto& done = report.equalization)
    fmt::print("equalized {} pairs of layers{}\n", done->pairs.size(), but_not(done->excluded));
  if (const auto& done = report.bias_absorption)
    fmt::print("high biases of {} channels of {} layers absorbed{}\n", done->channels,
               done->pairs.size(), but_not(done->excluded));
  if (const auto& done = report.depthwise_rescale)
    fmt::print("rescaled {} depthwise layers, {} of their channels locked by ReLU6{}\n",
               done->pairs.size(), done->locked, but_not(done->excluded));
  if (const auto& done = report.bias_correction)
    fmt::print("biases of {} layers corrected{}\n", done->corrected.size(), but_not(done->skipped));
}

void print_layers(Module& network, const std::vector<train::LayerSqnr>& rows) {
  std::map<std::string, QuantizableModule*> modules;
  for (QuantizableModule* module : network.quantizable_modules()) modules[module->name()] = module;
  constexpr auto kRight = TextTable::Align::right;
  TextTable table({{"layer"},
                   {"weight quantizer"},
                   {"SQNR dB", kRight},
                   {"input quantizer"},
                   {"SQNR dB", kRight},
                   {"output SQNR dB", kRight}});
  for (const train::LayerSqnr& row : rows) {
    QuantizableModule& module = *modules.at(row.layer);
    table.add({row.layer, weight_text(module), decibels(row.weight), inputs_text(module),
               decibels(row.input), decibels(row.output)});
  }
  fmt::print("{}", table.plain());
  print_strangers(network, rows);
}

}  // namespace quench::command
