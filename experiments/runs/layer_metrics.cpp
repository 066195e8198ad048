#include "experiments/runs/layer_metrics.h"

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <optional>
#include <string_view>

#include "layers/quantized_layer.h"

namespace quench::experiments {
namespace {

using Values = std::vector<std::pair<std::string, double>>;

constexpr std::int64_t kSignsPerByte = 4;
constexpr int kBitsPerSign = 2;
constexpr unsigned kSignMask = 3;

std::size_t levels_of(const quant::QuantGrid& grid) {
  return grid.levels.empty() ? static_cast<std::size_t>(grid.qmax - grid.qmin) + 1
                             : grid.levels.size();
}

unsigned sign_bits(float code) { return code < 0.0f ? 2u : (code > 0.0f ? 1u : 0u); }

Tensor pack_signs(const Tensor& codes) {
  Tensor packed = Tensor::zeros({(codes.numel() + kSignsPerByte - 1) / kSignsPerByte}, DType::u8);
  auto* bytes = packed.data<std::uint8_t>();
  for (std::int64_t i = 0; i < codes.numel(); ++i) {
    const unsigned bits = sign_bits(codes.data()[i]) << (kBitsPerSign * (i % kSignsPerByte));
    bytes[i / kSignsPerByte] = static_cast<std::uint8_t>(bytes[i / kSignsPerByte] | bits);
  }
  return packed;
}

/// The share of `count` weights whose sign changed; nothing if the two have different shapes.
std::optional<double> share_of_flips(const Tensor& before, const Tensor& now, std::int64_t count) {
  if (before.dtype() != DType::u8 || before.shape() != now.shape()) return std::nullopt;
  std::int64_t flips = 0;
  for (std::int64_t i = 0; i < now.numel(); ++i) {
    const unsigned changed = static_cast<unsigned>(before.data<std::uint8_t>()[i]) ^
                             static_cast<unsigned>(now.data<std::uint8_t>()[i]);
    for (unsigned rest = changed; rest != 0; rest >>= kBitsPerSign) {
      if ((rest & kSignMask) != 0) ++flips;
    }
  }
  return static_cast<double>(flips) / static_cast<double>(count);
}

template <typename Range>
double mean(const Range& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

void add(Values& values, const std::string& name, double value) {
  const bool known =
      std::ranges::any_of(values, [&name](const auto& entry) { return entry.first == name; });
  if (!known) values.emplace_back(name, value);
}

Values values_of(quant::Quantizer& quantizer) {
  Values values;
  for (const auto& [name, value] : quantizer.metrics()) add(values, name, double{value});
  for (const auto& [name, parameter] : quantizer.parameters())
    add(values, name, mean(parameter.value().span()));
  add(values, "scale", mean(quantizer.grid().scale));
  return values;
}

/// "weight" for "weight_quantizer".
std::string short_name(std::string_view slot) {
  constexpr std::string_view kSuffix = "_quantizer";
  if (slot.ends_with(kSuffix)) slot.remove_suffix(kSuffix.size());
  return std::string(slot);
}

void add_sign_flips(layers::QuantizedLayer& layer, const WeightSigns& before,
                    const WeightSigns& now, LayerMetrics& metrics) {
  const auto old = before.find(layer.name()), current = now.find(layer.name());
  if (old == before.end() || current == now.end()) return;
  const auto slot = std::ranges::find(metrics, layer.name() + ".weight", &SlotMetrics::slot);
  const auto share = share_of_flips(old->second, current->second, layer.weight().value().numel());
  if (slot != metrics.end() && share) slot->values.emplace_back("sign_flips", *share);
}

}  // namespace

WeightSigns weight_signs(layers::Module& network) {
  WeightSigns signs;
  for (layers::QuantizedLayer* layer : network.quantized_layers()) {
    const quant::Quantizer& quantizer = layer->weight_quantizer();
    constexpr std::size_t kTernary = 3;
    if (!quantizer.quantizes() || levels_of(quantizer.grid()) > kTernary) continue;
    signs[layer->name()] = pack_signs(quantizer.quantize(layer->effective_weight().value()));
  }
  return signs;
}

LayerMetrics layer_metrics(layers::Module& network, const WeightSigns& before,
                           const WeightSigns& now, const train::SlotsAtLimit& at_limit) {
  LayerMetrics metrics;
  for (layers::QuantizableModule* module : network.quantizable_modules()) {
    for (const auto& [slot, quantizer] : module->quantizers()) {
      if (!quantizer->quantizes()) continue;
      Values values = values_of(*quantizer);
      if (const auto since = at_limit.find(quantizer->slot()); since != at_limit.end()) {
        values.emplace_back(kAtLimitEpoch, static_cast<double>(since->second.epoch));
        values.emplace_back(kAtLimitStep, static_cast<double>(since->second.step));
      }
      metrics.push_back({module->name() + "." + short_name(slot), std::move(values)});
    }
  }
  for (layers::QuantizedLayer* layer : network.quantized_layers())
    add_sign_flips(*layer, before, now, metrics);
  return metrics;
}

std::vector<std::string_view> add_quantizer_columns(layers::Module& network, MetricsRow& row) {
  std::vector<std::string_view> reported;
  for (const MetricsColumn& column : metrics_columns()) {
    if (!column.of_quantizers) continue;
    std::optional<double> value;
    layers::for_each_quantizer(network, [&](const quant::Quantizer& quantizer) {
      for (const auto& [name, own] : quantizer.metrics())
        if (name == column.name) value = double{own};
    });
    if (!value) continue;
    row.*std::get<double MetricsRow::*>(column.member) = *value;
    reported.push_back(column.name);
  }
  return reported;
}

}  // namespace quench::experiments
