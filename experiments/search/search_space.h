#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "experiments/config/config.h"
#include "experiments/search/budget.h"
#include "layers/module.h"
#include "ptq/search/cost.h"
#include "ptq/search/selection.h"
#include "ptq/search/sensitivity.h"

namespace quench::experiments {

/// Whose bits an option sets.
enum class SearchedBits : std::uint8_t { weights, inputs, both };
/// "weights", "inputs" or "both". @throws std::invalid_argument  for another name
SearchedBits searched_bits(const std::string& name);
const std::string& name_of(SearchedBits what);

/// A layer with a weight, and its bits at each option that its methods support.
struct SearchLayer {
  std::string name;
  std::int64_t macs = 0;     ///< per image
  std::int64_t weights = 0;  ///< 0 for a layer with another layer's weight
  std::int64_t scales = 0;   ///< of the weight; 0 without a quantizer
  ptq::LayerBits fixed;      ///< as the config has them
  /// Which of its own slots an option quantizes: not a weight that is another layer's.
  ptq::LayerSlots slots{false, false};
  std::map<int, ptq::LayerBits> at;  ///< by option; empty for a fixed layer

  bool searched() const { return !at.empty(); }
  /// At an option of its group, or as it is fixed.
  const ptq::LayerBits& bits(std::optional<int> option) const;
};

/// Layers that get one option.
struct SearchGroup {
  std::vector<std::size_t> layers;  ///< of SearchSpace::layers
  std::vector<int> options;         ///< of all of them, ascending; empty: fixed
};

/// What there is to choose in a network.
struct SearchSpace {
  std::vector<SearchLayer> layers;  ///< in order of execution
  std::vector<SearchGroup>
      groups;  ///< every layer in one of them, in the order of their first layers
  /// Milliseconds of each layer and option, if they are known, and of everything that no option changes.
  std::optional<std::map<std::pair<std::string, int>, double>> milliseconds;
  double fixed_milliseconds = 0.0;

  bool knows(CostKind kind) const { return kind != CostKind::latency || milliseconds; }

  /// The groups for select_options(): costs as Budget::kind counts them. A last group holds the cost that
  /// no option changes, if there is one beyond fixed layers.
  /// @param sensitivity  by layer and option; negative ones count as 0
  std::vector<ptq::OptionGroup> option_groups(
      CostKind kind, const std::map<std::pair<std::string, int>, double>& sensitivity) const;
  /// The limit of a budget in the same unit.
  /// @throws std::invalid_argument  for bits of a uniform network that not all groups have
  double limit(const Budget& budget) const;
  /// A cost of option_groups() as Budget::value has it.
  double in_units(CostKind kind, double cost) const;

  /// The option of each group; nothing for a fixed one.
  using Choice = std::vector<std::optional<int>>;
  /// The choice that a selection from option_groups() makes.
  Choice choice(const ptq::Selection& selection) const;
  /// The same option for all groups; nothing if a group lacks it.
  std::optional<Choice> uniform(int option) const;
  double cost(CostKind kind, const Choice& choice) const;  ///< in the unit of option_groups()
  /// Calls visit(const SearchLayer&, int option) for every searched layer, group by group.
  template <typename Visit>
  void for_each_searched(const Choice& choice, Visit visit) const {
    for (std::size_t g = 0; g < groups.size(); ++g)
      for (const std::size_t i : groups[g].layers)
        if (layers[i].searched() && choice[g]) visit(layers[i], *choice[g]);
  }
  /// The options of all groups, each once, ascending.
  std::vector<int> options() const;

 private:
  double cost(CostKind kind, const SearchLayer& layer, std::optional<int> option) const;
  double weights() const;  ///< of all layers
};

/// The layers of `network` whose bits follow [quant] itself: those that a rule for single layers
/// (first_layer, last_layer, depthwise, override) gives bits or no method stay fixed. Options that a
/// layer's methods do not support are left out for its group.
/// @param network  as built from `config`
/// @param options  bits, 1 to 8
/// @throws std::invalid_argument  if no layer is searched, or no option fits a group, naming its layers
SearchSpace search_space(const ExperimentConfig& config, layers::Module& network,
                         const Shape& image, const std::vector<int>& options, SearchedBits what);

/// The experiment with an override in [quant] for every searched layer.
ExperimentConfig with_bits(const ExperimentConfig& config, const SearchSpace& space,
                           const SearchSpace::Choice& choice);
/// The same with one option wherever a layer supports it, and the config's bits elsewhere.
ExperimentConfig with_option(const ExperimentConfig& config, const SearchSpace& space, int option);

}  // namespace quench::experiments
