#include "train/network_state.h"

#include <algorithm>
#include <array>
#include <sstream>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "core/ops/reduce.h"
#include "layers/quantizable_module.h"
#include "support/error.h"
#include "support/text_list.h"

namespace quench::train {
namespace {

using State = std::map<std::string, Tensor>;

/// Entries of Quantizer::state() that hold a position in the run, not learned values.
constexpr std::array<std::string_view, 8> kPosition{
    "alpha", "next_step", "projected", "freezing", "freezing_updates", "steps", "passes", "rounds"};

struct Slot {
  std::string name;  // "<module>.<slot>"
  quant::Quantizer* quantizer;
};

std::vector<Slot> slots(layers::Module& network) {
  std::vector<Slot> result;
  for (layers::QuantizableModule* module : network.quantizable_modules()) {
    for (const auto& [slot, quantizer] : module->quantizers())
      result.push_back({module->name() + "." + slot, quantizer});
  }
  return result;
}

/// The tensors of a network, as writable handles.
State weights(layers::Module& network) {
  State result;
  for (const layers::Parameter& parameter : network.parameters())
    result[parameter.name] = parameter.value.value();
  for (const layers::Buffer& buffer : network.buffers()) result[buffer.name] = buffer.value;
  return result;
}

void fail_if(const std::vector<std::string>& wrong, const std::filesystem::path& path) {
  if (wrong.empty()) return;
  fail("{}: does not fit the network: {}", path.string(), listed(wrong, "; "));
}

/// Copies every tensor of `target` from `file`, which may contain other tensors only below the
/// prefixes `elsewhere`. Reports all errors before it copies anything.
void load_tensors(const State& target, const std::vector<std::string>& elsewhere,
                  const TensorFile& file, const std::filesystem::path& path) {
  std::vector<std::string> wrong;
  for (const auto& [name, tensor] : target) {
    const auto found = file.tensors.find(name);
    if (found == file.tensors.end()) {
      wrong.push_back(name + " is missing");
    } else if (found->second.shape() != tensor.shape() || found->second.dtype() != tensor.dtype()) {
      wrong.push_back(fmt::format("{} is {} {} and should be {} {}", name,
                                  name_of(found->second.dtype()), found->second.shape().to_string(),
                                  name_of(tensor.dtype()), tensor.shape().to_string()));
    } else if (const std::string value = first_non_finite(found->second); !value.empty()) {
      wrong.push_back(fmt::format("{} contains {}", name, value));
    } else if (has_negative_variance(name, found->second)) {
      wrong.push_back(name + " contains a negative variance");
    }
  }
  for (const auto& entry : file.tensors) {
    const std::string& name = entry.first;
    const auto below = [&name](const std::string& prefix) { return name.starts_with(prefix); };
    if (!target.contains(name) && std::ranges::none_of(elsewhere, below)) {
      wrong.push_back(name + " is unknown");
    }
  }
  fail_if(wrong, path);
  for (const auto& [name, tensor] : target) {
    Tensor handle = tensor;
    handle.copy_from(file.tensors.at(name));
  }
}

void load_slot(const Slot& slot, const TensorFile& file, std::vector<std::string>& wrong) {
  const std::string prefix = slot.name + ".";
  State state = tensors_below(file.tensors, prefix);
  for (const auto& [name, value] : slot.quantizer->parameters()) state.erase(name);
  try {
    slot.quantizer->load_state(state);
  } catch (const std::invalid_argument& error) {
    wrong.emplace_back(error.what());
    return;
  }
  // The entries can depend on the position in the run, so they are compared after loading.
  const State known = slot.quantizer->state();
  for (const auto& [name, tensor] : state) {
    if (!known.contains(name)) wrong.push_back(prefix + name + " is unknown");
    if (const std::string value = first_non_finite(tensor); !value.empty())
      wrong.push_back(fmt::format("{}{} contains {}", prefix, name, value));
  }
}

std::string text_of(const quant::Quantizer& quantizer) {
  const char* granularity =
      quantizer.granularity() == quant::Granularity::per_channel ? "per_channel" : "per_tensor";
  return fmt::format("{} {} bits {}", quantizer.method(), quantizer.bits(), granularity);
}

std::string quantizers_text(layers::Module& network) {
  std::string text;
  for (const auto& [slot, quantizer] : slots(network)) {
    if (quantizer->quantizes()) text += fmt::format("{} {}\n", slot, text_of(*quantizer));
  }
  return text;
}

/// The quantizers by slot; empty for a file without this entry.
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

/// Loads `trained` into a quantizer: its parameters into the variables, the rest into its state.
/// @throws std::invalid_argument  if something is missing, has another shape, or contains NaN or
///                                infinity; then nothing changes
void load_learned(quant::Quantizer& quantizer, State trained) {
  for (const auto& [name, tensor] : trained) {
    const std::string value = first_non_finite(tensor);
    require(value.empty(), "its {} contains {}", name, value);
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

std::vector<std::string> other_prefixes(layers::Module& network) {
  std::vector<std::string> result{kOptimizerPrefix, kTrainingPrefix};
  for (const Slot& slot : slots(network)) result.push_back(slot.name + ".");
  return result;
}

void require_model(const std::string& model, const TensorFile& file,
                   const std::filesystem::path& path) {
  const auto found = file.metadata.find("model");
  if (found == file.metadata.end())
    fail("{}: this is not a quench checkpoint: its metadata has no model", path.string());
  if (found->second != model) {
    fail("{}: expected a checkpoint of {}, got one of {}", path.string(), model, found->second);
  }
}

std::map<std::string, Tensor> tensors_below(const std::map<std::string, Tensor>& tensors,
                                            const std::string& prefix) {
  std::map<std::string, Tensor> result;
  for (auto it = tensors.lower_bound(prefix); it != tensors.end() && it->first.starts_with(prefix);
       ++it) {
    result.emplace(it->first.substr(prefix.size()), it->second);
  }
  return result;
}

bool has_negative_variance(const std::string& name, const Tensor& tensor) {
  return name.ends_with("running_var") &&
         std::ranges::any_of(tensor.to_row_major(), [](float v) { return v < 0.0f; });
}

TensorFile network_state(layers::Module& network, const std::string& model) {
  TensorFile file;
  file.tensors = weights(network);
  for (const Slot& slot : slots(network)) {
    for (auto& [name, tensor] : slot.quantizer->state())
      file.tensors[slot.name + "." + name] = tensor;
  }
  file.metadata["model"] = model;
  if (std::string text = quantizers_text(network); !text.empty()) file.metadata[kQuantizers] = text;
  return file;
}

void load_weights(layers::Module& network, const std::string& model, const TensorFile& file,
                  const std::filesystem::path& path) {
  require_model(model, file, path);
  std::map<std::string, Tensor> target = weights(network);
  for (const layers::Parameter& parameter : network.parameters()) {
    if (parameter.kind == layers::ParameterKind::quantizer) target.erase(parameter.name);
  }
  load_tensors(target, other_prefixes(network), file, path);
}

void load_network(layers::Module& network, const std::string& model, const TensorFile& file,
                  const std::filesystem::path& path) {
  require_model(model, file, path);
  load_tensors(weights(network), other_prefixes(network), file, path);
  std::vector<std::string> wrong;
  for (const Slot& slot : slots(network)) load_slot(slot, file, wrong);
  fail_if(wrong, path);
}

KeptQuantizers load_trained_quantizers(layers::Module& network, const TensorFile& file) {
  const std::map<std::string, std::string> trained = quantizers_of(file);
  KeptQuantizers result;
  for (const auto& [slot, quantizer] : slots(network)) {
    if (!quantizer->quantizes()) continue;
    const auto found = trained.find(slot);
    if (found == trained.end()) {
      result.fresh.push_back(slot + " (it had none)");
    } else if (found->second != text_of(*quantizer)) {
      result.fresh.push_back(
          fmt::format("{} (it had {}, and has {})", slot, found->second, text_of(*quantizer)));
    } else {
      try {
        load_learned(*quantizer, tensors_below(file.tensors, slot + "."));
        ++result.kept;
      } catch (const std::invalid_argument& error) {
        result.fresh.push_back(fmt::format("{} ({})", slot, error.what()));
      }
    }
  }
  return result;
}

}  // namespace quench::train
