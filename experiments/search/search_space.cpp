#include "experiments/search/search_space.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "experiments/config/config_file.h"
#include "layers/attach_quantizers.h"
#include "layers/graph.h"
#include "layers/quantized_layer.h"
#include "ptq/search/tied_layers.h"
#include "quant/registry.h"
#include "support/error.h"
#include "support/text_list.h"

namespace quench::experiments {
namespace {

using layers::QuantizedLayer;
using Sensitivities = std::map<std::pair<std::string, int>, double>;

const std::array<std::string, 3>& names_of_bits() {
  static const std::array<std::string, 3> names{"weights", "inputs", "both"};
  return names;
}

int bits_of(const quant::Quantizer& quantizer) {
  constexpr int kFloatBits = 32;
  return quantizer.quantizes() ? quantizer.bits() : kFloatBits;
}

ptq::LayerBits bits_of(QuantizedLayer& layer) {
  return {.weight = bits_of(layer.weight_quantizer()), .input = bits_of(layer.input_quantizer())};
}

/// [quant] of `config`, apart from its tree, with other bits for the whole network.
Settings with_network_bits(const ExperimentConfig& config, int bits, SearchedBits what) {
  const Settings root = parse_settings(config.resolved(), config.name);
  Settings copy = root;
  Settings quant = copy.make_table("quant", config.name);
  if (what != SearchedBits::inputs) quant.make_table("weight", config.name).set("bits", bits);
  if (what != SearchedBits::weights) quant.make_table("activation", config.name).set("bits", bits);
  return root.table("quant");
}

/// The bits of every layer where [quant] gives the network `bits`; nothing where a method
/// does not support them.
std::map<const QuantizedLayer*, ptq::LayerBits> bits_at(const ExperimentConfig& config,
                                                        layers::Module& network, int bits,
                                                        SearchedBits what) {
  quant::Policy policy(with_network_bits(config, bits, what));
  const std::vector<QuantizedLayer*> layers = network.quantized_layers();
  std::map<const QuantizedLayer*, ptq::LayerBits> result;
  for (QuantizedLayer* layer : layers) {
    try {
      const quant::LayerQuantizers made = policy.make(layers::layer_info(*layer, layers));
      result[layer] = {.weight = bits_of(*made.weight), .input = bits_of(*made.input)};
    } catch (const std::invalid_argument&) {
      // Checked before with the config's own bits: what is refused is the option.
    }
  }
  return result;
}

/// What the methods of a layer's searched slots support, for messages: "weights of lsq: 2..8".
std::string supported_bits(QuantizedLayer& layer, SearchedBits what) {
  std::vector<std::string> parts;
  const auto add = [&parts](const char* slot, const quant::Quantizer& quantizer) {
    if (!quantizer.quantizes()) return;
    const auto& info = quant::find_strategy(quantizer.method(), quantizer.slot()).info;
    const quant::BitRange range = info.bits(quantizer.role());
    parts.push_back(fmt::format("{} of {}: {}..{}", slot, info.name, range.min, range.max));
  };
  if (what != SearchedBits::inputs) add("weights", layer.weight_quantizer());
  if (what != SearchedBits::weights) add("inputs", layer.input_quantizer());
  return fmt::format("{}", fmt::join(parts, ", "));
}

class SpaceBuilder {
 public:
  SpaceBuilder(const ExperimentConfig& config, layers::Module& network, const Shape& image,
               const std::vector<int>& options, SearchedBits what)
      : what_(what), options_(options), graph_(network) {
    for (const layers::LayerTrace& trace : layers::trace_layers(network, image))
      macs_[trace.name] = trace.macs;
    for (const int option : options) at_[option] = bits_at(config, network, option, what);
  }

  SearchSpace build() {
    const auto groups = ptq::tied_layers(graph_);
    std::map<const QuantizedLayer*, std::size_t> index;
    for (const layers::Graph::Node& node : graph_.nodes())
      if (QuantizedLayer* layer = node.module->as_quantized_layer();
          layer != nullptr && !index.contains(layer)) {
        index[layer] = space_.layers.size();
        space_.layers.push_back(made(*layer));
      }
    for (const auto& tied : groups) {
      SearchGroup group;
      for (const QuantizedLayer* layer : tied) group.layers.push_back(index.at(layer));
      group.options = common_options(group, *tied.front());
      space_.groups.push_back(std::move(group));
    }
    require_options();
    return std::move(space_);
  }

 private:
  SearchLayer made(QuantizedLayer& layer) {
    const bool owns = layer.owns_weight();
    const quant::Quantizer& quantizer = layer.weight_quantizer();
    const std::int64_t channels =
        quantizer.granularity() == quant::Granularity::per_channel ? layer.weight().shape()[0] : 1;
    SearchLayer result{.name = layer.name(),
                       .macs = macs_.at(layer.name()),
                       .weights = owns ? layer.weight().value().numel() : 0,
                       .scales = owns && quantizer.quantizes() ? channels : 0,
                       .fixed = bits_of(layer)};
    for (const int option : options_) {
      const auto found = at_.at(option).find(&layer),
                 owner = at_.at(option).find(&layer.weight_owner());
      if (found == at_.at(option).end() || owner == at_.at(option).end()) continue;
      result.at[option] = {.weight = owner->second.weight, .input = found->second.input};
    }
    require(!result.at.empty() || (result.fixed == ptq::LayerBits{}),
            "search: layer {}: no option of {} bits fits ({})", result.name,
            fmt::join(options_, ", "), supported_bits(layer, what_));
    const auto follows = [&](int ptq::LayerBits::*slot) {
      return !result.at.empty() && std::ranges::all_of(result.at, [slot](const auto& entry) {
        return entry.second.*slot == entry.first;
      });
    };
    const bool weight = what_ != SearchedBits::inputs && follows(&ptq::LayerBits::weight);
    result.slots = {.weight = weight && owns,
                    .input = what_ != SearchedBits::weights && follows(&ptq::LayerBits::input)};
    if (!weight && !result.slots.input) result.at.clear();
    return result;
  }

  std::vector<int> common_options(const SearchGroup& group, QuantizedLayer& first) const {
    std::vector<int> common;
    bool searched = false;
    for (const std::size_t i : group.layers) searched |= space_.layers[i].searched();
    if (!searched) return common;
    for (const int option : options_)
      if (std::ranges::all_of(group.layers, [&](std::size_t i) {
            const SearchLayer& layer = space_.layers[i];
            return !layer.searched() || layer.at.contains(option);
          }))
        common.push_back(option);
    if (common.empty()) {
      std::vector<std::string> names;
      for (const std::size_t i : group.layers) names.push_back(space_.layers[i].name);
      require(false,
              "search: layers {} get the same bits, and no option of {} fits all of them ({})",
              listed(names), fmt::join(options_, ", "), supported_bits(first, what_));
    }
    return common;
  }

  void require_options() const {
    const std::vector<int> used = space_.options();
    require(!used.empty(),
            "search: expected layers whose bits follow quant.{}.bits, got a network in which every "
            "layer has bits of its own or none",
            what_ == SearchedBits::inputs ? "activation" : "weight");
    for (const int option : options_)
      require(std::ranges::find(used, option) != used.end(),
              "--options: expected bits that some layer supports, got {}", option);
  }

  SearchedBits what_;
  std::vector<int> options_;
  layers::Graph graph_;
  std::map<std::string, std::int64_t> macs_;
  std::map<int, std::map<const QuantizedLayer*, ptq::LayerBits>> at_;
  SearchSpace space_;
};

SettingsValue bit_override(const SearchLayer& layer, int option) {
  Settings rule = Settings::from({{"match", layer.name}});
  const ptq::LayerBits& bits = layer.bits(option);
  if (layer.slots.weight) rule.set("weight", Settings::from({{"bits", bits.weight}}));
  if (layer.slots.input) rule.set("activation", Settings::from({{"bits", bits.input}}));
  return rule;
}

}  // namespace

SearchedBits searched_bits(const std::string& name) {
  const auto found = std::ranges::find(names_of_bits(), name);
  require(found != names_of_bits().end(), "--what: expected one of {}, got '{}'",
          fmt::join(names_of_bits(), ", "), name);
  return static_cast<SearchedBits>(found - names_of_bits().begin());
}

const std::string& name_of(SearchedBits what) {
  return names_of_bits()[static_cast<std::size_t>(what)];
}

const ptq::LayerBits& SearchLayer::bits(std::optional<int> option) const {
  return searched() && option ? at.at(*option) : fixed;
}

double SearchSpace::cost(CostKind kind, const SearchLayer& layer, std::optional<int> option) const {
  const ptq::LayerBits& bits = layer.bits(option);
  switch (kind) {
    case CostKind::size:
      return ptq::weight_bits(layer.weights, layer.scales, bits);
    case CostKind::bops:
      return ptq::bit_operations(layer.macs, bits);
    case CostKind::latency:
      expect(milliseconds.has_value(), "search: latency was not measured");
      return layer.searched() && option ? milliseconds->at({layer.name, *option}) : 0.0;
    case CostKind::mean_bits:
      break;
  }
  return static_cast<double>(layer.weights) * bits.weight;
}

std::vector<ptq::OptionGroup> SearchSpace::option_groups(CostKind kind,
                                                         const Sensitivities& sensitivity) const {
  std::vector<ptq::OptionGroup> result;
  for (const SearchGroup& group : groups) {
    ptq::OptionGroup made;
    const auto add = [&](std::optional<int> option) {
      double sum = 0.0, lost = 0.0;
      for (const std::size_t i : group.layers) {
        sum += cost(kind, layers[i], option);
        if (!layers[i].searched() || !option) continue;
        const auto found = sensitivity.find({layers[i].name, *option});
        if (found != sensitivity.end()) lost += std::max(found->second, 0.0);
      }
      made.cost.push_back(sum);
      made.sensitivity.push_back(lost);
    };
    for (const int option : group.options) add(option);
    if (group.options.empty()) add(std::nullopt);
    result.push_back(std::move(made));
  }
  if (kind == CostKind::latency && fixed_milliseconds > 0.0)
    result.push_back({.cost = {fixed_milliseconds}, .sensitivity = {0.0}});
  return result;
}

double SearchSpace::weights() const {
  double sum = 0.0;
  for (const SearchLayer& layer : layers) sum += static_cast<double>(layer.weights);
  return sum;
}

double SearchSpace::limit(const Budget& budget) const {
  constexpr double kBitsPerByte = 8.0;
  if (budget.uniform) {
    const std::optional<Choice> choice = uniform(*budget.uniform);
    require(choice.has_value(),
            "--budget: expected uniform: bits that all layers have, some of {}, got {}",
            fmt::join(options(), ", "), *budget.uniform);
    return cost(budget.kind, *choice);
  }
  switch (budget.kind) {
    case CostKind::size:
      return budget.value * kBitsPerByte;
    case CostKind::mean_bits:
      return budget.value * weights();
    case CostKind::bops:
    case CostKind::latency:
      break;
  }
  return budget.value;
}

double SearchSpace::in_units(CostKind kind, double cost) const {
  if (kind == CostKind::size) return cost / 8.0;
  return kind == CostKind::mean_bits ? cost / weights() : cost;
}

SearchSpace::Choice SearchSpace::choice(const ptq::Selection& selection) const {
  Choice result;
  for (std::size_t g = 0; g < groups.size(); ++g) {
    const std::vector<int>& options = groups[g].options;
    result.push_back(options.empty() ? std::nullopt : std::optional(options[selection.options[g]]));
  }
  return result;
}

std::optional<SearchSpace::Choice> SearchSpace::uniform(int option) const {
  Choice result;
  for (const SearchGroup& group : groups) {
    const bool has = std::ranges::find(group.options, option) != group.options.end();
    if (!has && !group.options.empty()) return std::nullopt;
    result.push_back(has ? std::optional(option) : std::nullopt);
  }
  return result;
}

double SearchSpace::cost(CostKind kind, const Choice& choice) const {
  double sum = 0.0;
  for (std::size_t g = 0; g < groups.size(); ++g) {
    double group = 0.0;
    for (const std::size_t i : groups[g].layers) group += cost(kind, layers[i], choice[g]);
    sum += group;
  }
  return kind == CostKind::latency ? sum + fixed_milliseconds : sum;
}

std::vector<int> SearchSpace::options() const {
  std::vector<int> result;
  for (const SearchGroup& group : groups)
    result.insert(result.end(), group.options.begin(), group.options.end());
  std::ranges::sort(result);
  result.erase(std::ranges::unique(result).begin(), result.end());
  return result;
}

SearchSpace search_space(const ExperimentConfig& config, layers::Module& network,
                         const Shape& image, const std::vector<int>& options, SearchedBits what) {
  require(options.size() >= 2, "--options: expected at least 2 different bit widths, got {}",
          options.size());
  for (const int option : options)
    require(option >= 1 && option <= 8, "--options: expected bits in 1..8, got {}", option);
  return SpaceBuilder(config, network, image, options, what).build();
}

ExperimentConfig with_bits(const ExperimentConfig& config, const SearchSpace& space,
                           const SearchSpace::Choice& choice) {
  Settings root = parse_settings(config.resolved(), config.name);
  Settings quant = root.make_table("quant", config.name);
  SettingsValue::List overrides;
  if (const SettingsValue* given = quant.find("override"))
    overrides = std::get<SettingsValue::List>(given->data);
  space.for_each_searched(choice, [&](const SearchLayer& layer, int option) {
    // One that uses another layer's weight has no rule of its own for it.
    if (layer.slots.weight || layer.slots.input) overrides.push_back(bit_override(layer, option));
  });
  quant.set("override", std::move(overrides));
  ExperimentConfig result = read_experiment(root, config.name);
  result.model.onnx = config.model.onnx;  // which may be a run's own copy
  return result;
}

ExperimentConfig with_option(const ExperimentConfig& config, const SearchSpace& space, int option) {
  SearchSpace::Choice choice;
  for (const SearchGroup& group : space.groups) {
    const bool has = std::ranges::find(group.options, option) != group.options.end();
    choice.push_back(has ? std::optional(option) : std::nullopt);
  }
  return with_bits(config, space, choice);
}

}  // namespace quench::experiments
