#include "experiments/runs/checkpoint.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <stdexcept>
#include <vector>

#include "core/ops/reduce.h"
#include "layers/quantizable_module.h"
#include "support/error.h"
#include "train/trained_quantizers.h"

namespace quench::train {
namespace {

constexpr const char* kOptimizerPrefix = "optimizer.";
constexpr const char* kProgress = "training.progress";
constexpr const char* kSignsPrefix = "training.signs.";
constexpr const char* kImages = "images";  // in the metadata
constexpr const char* kRanks = "ranks";    // likewise, if there are several

struct Slot {
  std::string prefix;  // "<module>.<slot>."
  quant::Quantizer* quantizer;
};

std::vector<Slot> slots(Module& network) {
  std::vector<Slot> result;
  for (QuantizableModule* module : network.quantizable_modules()) {
    for (const auto& [slot, quantizer] : module->quantizers()) {
      result.push_back({module->name() + "." + slot + ".", quantizer});
    }
  }
  return result;
}

/// The tensors a network is made of, as handles that can be written through.
std::map<std::string, Tensor> weights(Module& network) {
  std::map<std::string, Tensor> result;
  for (const Parameter& parameter : network.parameters())
    result[parameter.name] = parameter.value.value();
  for (const Buffer& buffer : network.buffers()) result[buffer.name] = buffer.value;
  return result;
}

void check_model(const std::string& model, const TensorFile& file,
                 const std::filesystem::path& path) {
  const auto found = file.metadata.find("model");
  if (found == file.metadata.end())
    fail("{}: this is not a quench checkpoint: its metadata names no model", path.string());
  if (found->second != model) {
    fail("{}: expected a checkpoint of {}, got one of {}", path.string(), model, found->second);
  }
}

void fail_if(std::vector<std::string> wrong, const std::filesystem::path& path) {
  if (wrong.empty()) return;
  // Of a network of another width nearly everything is wrong, and a few tensors tell as much.
  constexpr std::size_t kShown = 16;
  if (wrong.size() > kShown) {
    const std::size_t more = wrong.size() - kShown;
    wrong.resize(kShown);
    wrong.push_back(fmt::format("and {} more", more));
  }
  fail("{}: does not fit the network: {}", path.string(), fmt::join(wrong, "; "));
}

/// Copies every tensor of `target` from `file`, where nothing else may lie but below the prefixes
/// `elsewhere`; what is wrong is told before anything is copied.
void load_tensors(const std::map<std::string, Tensor>& target,
                  const std::vector<std::string>& elsewhere, const TensorFile& file,
                  const std::filesystem::path& path) {
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
      wrong.push_back(fmt::format("{} holds {}", name, value));
    } else if (has_negative_variance(name, found->second)) {
      wrong.push_back(name + " holds a negative variance");
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

/// Where a checkpoint keeps what is neither parameter nor buffer.
std::vector<std::string> other_prefixes(Module& network) {
  std::vector<std::string> result{kOptimizerPrefix, kProgress, kSignsPrefix};
  for (const Slot& slot : slots(network)) result.push_back(slot.prefix);
  return result;
}

std::map<std::string, Tensor> below(const std::map<std::string, Tensor>& tensors,
                                    const std::string& prefix) {
  std::map<std::string, Tensor> result;
  for (auto it = tensors.lower_bound(prefix); it != tensors.end() && it->first.starts_with(prefix);
       ++it) {
    result.emplace(it->first.substr(prefix.size()), it->second);
  }
  return result;
}

void load_slot(const Slot& slot, const TensorFile& file, std::vector<std::string>& wrong) {
  std::map<std::string, Tensor> state = below(file.tensors, slot.prefix);
  for (const auto& [name, value] : slot.quantizer->parameters()) state.erase(name);
  try {
    slot.quantizer->load_state(state);
  } catch (const std::invalid_argument& error) {
    wrong.emplace_back(error.what());
    return;
  }
  // What a quantizer keeps can depend on how far it is, so it is asked after it has loaded.
  const std::map<std::string, Tensor> known = slot.quantizer->state();
  for (const auto& [name, tensor] : state) {
    if (!known.contains(name)) wrong.push_back(slot.prefix + name + " is unknown");
    if (const std::string value = first_non_finite(tensor); !value.empty())
      wrong.push_back(fmt::format("{}{} holds {}", slot.prefix, name, value));
  }
}

Tensor pack(const Progress& p) {
  // Doubles hold every count below 2^53, and the loss sum must keep all its bits.
  const std::vector<double> values{static_cast<double>(p.epoch),
                                   static_cast<double>(p.step_in_epoch),
                                   static_cast<double>(p.step),
                                   p.loss_sum,
                                   static_cast<double>(p.correct),
                                   static_cast<double>(p.seen),
                                   p.best_top1};
  return Tensor::from_row_major({static_cast<std::int64_t>(values.size())}, values);
}

Progress unpack(const Tensor& packed, const std::filesystem::path& path) {
  if (packed.dtype() != DType::f64 || packed.shape() != pack({}).shape()) {
    fail("{}: {} is {} {}, not a training position", path.string(), kProgress,
         name_of(packed.dtype()), packed.shape().to_string());
  }
  const double* v = packed.data<double>();
  const auto count = [&path](double value) {
    if (!(value >= 0.0 && value <= 0x1p53)) {
      fail("{}: {} holds {}, not a count", path.string(), kProgress, value);
    }
    return static_cast<std::int64_t>(value);
  };
  return {.epoch = count(v[0]),
          .step_in_epoch = count(v[1]),
          .step = count(v[2]),
          .loss_sum = v[3],
          .correct = count(v[4]),
          .seen = count(v[5]),
          .best_top1 = v[6]};
}

Progress progress_in(const TensorFile& file, const std::filesystem::path& path) {
  const auto position = file.tensors.find(kProgress);
  if (position == file.tensors.end())
    fail("{}: holds a network but no training position to resume from", path.string());
  return unpack(position->second, path);
}

int read_ranks(const std::string& text, const std::filesystem::path& path) {
  int ranks = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), ranks);
  if (error != std::errc() || end != text.data() + text.size() || ranks < 1)
    fail("{}: metadata {}: expected a number of processes, got '{}'", path.string(), kRanks, text);
  return ranks;
}

}  // namespace

bool has_negative_variance(const std::string& name, const Tensor& tensor) {
  return name.ends_with("running_var") &&
         std::ranges::any_of(tensor.to_row_major(), [](float v) { return v < 0.0f; });
}

TensorFile network_state(Module& network, const std::string& model) {
  TensorFile file;
  file.tensors = weights(network);
  for (const Slot& slot : slots(network)) {
    for (auto& [name, tensor] : slot.quantizer->state()) file.tensors[slot.prefix + name] = tensor;
  }
  file.metadata["model"] = model;
  if (std::string text = quantizers_text(network); !text.empty()) file.metadata[kQuantizers] = text;
  return file;
}

void load_weights(Module& network, const std::string& model, const TensorFile& file,
                  const std::filesystem::path& path) {
  check_model(model, file, path);
  std::map<std::string, Tensor> target = weights(network);
  for (const Parameter& parameter : network.parameters()) {
    if (parameter.kind == ParameterKind::quantizer) target.erase(parameter.name);
  }
  load_tensors(target, other_prefixes(network), file, path);
}

std::filesystem::path checkpoint_at(const std::filesystem::path& from) {
  return std::filesystem::is_directory(from) ? from / "last.safetensors" : from;
}

void load_weights(Module& network, const std::string& model, const std::filesystem::path& from) {
  const std::filesystem::path file = checkpoint_at(from);
  load_weights(network, model, read_safetensors(file), file);
}

void load_network(Module& network, const std::string& model, const TensorFile& file,
                  const std::filesystem::path& path) {
  check_model(model, file, path);
  load_tensors(weights(network), other_prefixes(network), file, path);
  std::vector<std::string> wrong;
  for (const Slot& slot : slots(network)) load_slot(slot, file, wrong);
  fail_if(wrong, path);
}

void save_checkpoint(const std::filesystem::path& path, Module& network, const std::string& model,
                     const Optimizer& optimizer, const Progress& progress) {
  TensorFile file = network_state(network, model);
  for (auto& [name, tensor] : optimizer.state()) file.tensors[kOptimizerPrefix + name] = tensor;
  file.tensors[kProgress] = pack(progress);
  for (const auto& [layer, signs] : progress.signs) file.tensors[kSignsPrefix + layer] = signs;
  if (!progress.images.empty()) file.metadata[kImages] = progress.images;
  if (progress.ranks != 1) file.metadata[kRanks] = std::to_string(progress.ranks);
  write_safetensors(path, file);
}

Position position_of(const std::filesystem::path& path) {
  const Progress progress = progress_in(read_safetensors(path), path);
  return {.epoch = progress.epoch, .step_in_epoch = progress.step_in_epoch};
}

Progress load_checkpoint(const std::filesystem::path& path, Module& network,
                         const std::string& model, Optimizer& optimizer) {
  const TensorFile file = read_safetensors(path);
  check_model(model, file, path);
  Progress progress = progress_in(file, path);
  progress.signs = below(file.tensors, kSignsPrefix);
  if (const auto images = file.metadata.find(kImages); images != file.metadata.end())
    progress.images = images->second;
  if (const auto ranks = file.metadata.find(kRanks); ranks != file.metadata.end())
    progress.ranks = read_ranks(ranks->second, path);
  load_network(network, model, file, path);
  try {
    optimizer.load_state(below(file.tensors, kOptimizerPrefix));
  } catch (const std::invalid_argument& error) {
    fail("{}: {}", path.string(), error.what());
  }
  return progress;
}

}  // namespace quench::train
