#include "train/trained_quantizers.h"

#include <array>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "core/ops/reduce.h"
#include "layers/quantizable_module.h"
#include "support/error.h"

namespace quench::train {
namespace {

using State = std::map<std::string, Tensor>;

/// Entries of Quantizer::state() that hold the position in a run, not learned values.
constexpr std::array<std::string_view, 8> kPosition{
    "alpha", "next_step", "projected", "freezing", "freezing_updates", "steps", "passes", "rounds"};

std::string text_of(const quant::Quantizer& quantizer) {
  const char* granularity =
      quantizer.granularity() == quant::Granularity::per_channel ? "per_channel" : "per_tensor";
  return fmt::format("{} {} bits {}", quantizer.method(), quantizer.bits(), granularity);
}

/// Calls `visit` with the name of each slot that quantizes, "conv1.weight", and its quantizer.
template <typename Visit>
void for_each_slot(Module& network, Visit visit) {
  for (QuantizableModule* module : network.quantizable_modules()) {
    for (const auto& [slot, quantizer] : module->quantizers()) {
      if (quantizer->quantizes()) visit(module->name() + "." + slot, *quantizer);
    }
  }
}

/// By slot; none of a file that does not tell.
std::map<std::string, std::string> quantizers_of(const TensorFile& file) {
  std::map<std::string, std::string> result;
  const auto found = file.metadata.find(kQuantizers);
  if (found == file.metadata.end()) return result;
  std::istringstream lines(found->second);
  for (std::string line; std::getline(lines, line);) {
    const std::size_t blank = line.find(' ');
    if (blank != std::string::npos) result[line.substr(0, blank)] = line.substr(blank + 1);
  }
  return result;
}

State below(const State& tensors, const std::string& prefix) {
  State result;
  for (auto it = tensors.lower_bound(prefix); it != tensors.end() && it->first.starts_with(prefix);
       ++it) {
    result.emplace(it->first.substr(prefix.size()), it->second);
  }
  return result;
}

/// Takes `trained` out of which its parameters go into the variables, the rest into its state.
/// @throws std::invalid_argument  if something is missing, of another shape, NaN or infinite; nothing
///                                has changed
void load(quant::Quantizer& quantizer, State trained) {
  for (const auto& [name, tensor] : trained) {
    const std::string value = first_non_finite(tensor);
    require(value.empty(), "its {} holds {}", name, value);
  }
  std::vector<std::pair<Variable, Tensor>> values;
  for (auto& [name, variable] : quantizer.parameters()) {
    const auto found = trained.find(name);
    require(found != trained.end() && found->second.shape() == variable.shape() &&
                found->second.dtype() == variable.value().dtype(),
            "its {} has another shape", name);
    values.emplace_back(variable, found->second);
    trained.erase(found);
  }
  const State own = quantizer.state();
  for (const std::string_view name : kPosition) {
    const std::string key(name);
    trained.erase(key);
    if (own.contains(key)) trained.emplace(key, own.at(key));
  }
  try {
    quantizer.load_state(trained);
  } catch (const std::invalid_argument&) {
    quantizer.load_state(own);
    throw;
  }
  for (auto& [variable, value] : values) variable.mutable_value().copy_from(value);
}

}  // namespace

std::string quantizers_text(Module& network) {
  std::string text;
  for_each_slot(network, [&text](const std::string& slot, const quant::Quantizer& quantizer) {
    text += fmt::format("{} {}\n", slot, text_of(quantizer));
  });
  return text;
}

KeptQuantizers load_trained_quantizers(Module& network, const TensorFile& file) {
  const std::map<std::string, std::string> trained = quantizers_of(file);
  KeptQuantizers result;
  for_each_slot(network, [&](const std::string& slot, quant::Quantizer& quantizer) {
    const auto found = trained.find(slot);
    if (found == trained.end()) {
      result.fresh.push_back(slot + " (it had none)");
    } else if (found->second != text_of(quantizer)) {
      result.fresh.push_back(
          fmt::format("{} (it had {}, and has {})", slot, found->second, text_of(quantizer)));
    } else {
      try {
        load(quantizer, below(file.tensors, slot + "."));
        ++result.kept;
      } catch (const std::invalid_argument& error) {
        result.fresh.push_back(fmt::format("{} ({})", slot, error.what()));
      }
    }
  });
  return result;
}

}  // namespace quench::train
