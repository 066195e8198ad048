#include "experiments/import_weights.h"

#include <algorithm>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <utility>
#include <vector>

#include "core/ops/reduce.h"
#include "experiments/runs/checkpoint.h"
#include "layers/models/registry.h"
#include "layers/quantized_layer.h"
#include "support/error.h"
#include "support/file.h"
#include "support/text_list.h"
#include "train/network_state.h"

namespace quench::experiments {
namespace {

using layers::models::SourceNames;

/// The tensors that a weight file must have: not the position of dropout in its random stream.
std::map<std::string, Tensor> targets(layers::Module& network) {
  std::map<std::string, Tensor> result;
  for (const layers::Parameter& parameter : network.parameters()) {
    if (parameter.kind != layers::ParameterKind::quantizer)
      result[parameter.name] = parameter.value.value();
  }
  for (const layers::Buffer& buffer : network.buffers()) {
    if (buffer.value.dtype() == DType::f32) result[buffer.name] = buffer.value;
  }
  return result;
}

/// Whether quench wrote the file, so that it may have more than weights and names its model. Other
/// projects may use that metadata for their own description.
bool is_checkpoint(const ForeignWeights& weights) {
  const auto found = weights.file.metadata.find("model");
  return found != weights.file.metadata.end() &&
         std::ranges::any_of(
             layers::models::registered_models(),
             [&](const layers::models::ModelInfo& model) { return model.name == found->second; });
}

/// The given names, those of the network's parts, or else those that match most of its tensors.
SourceNames best_source(const std::string& model, layers::Module& network,
                        const ForeignWeights& weights) {
  if (weights.names) return *weights.names;
  if (is_checkpoint(weights)) {
    train::require_model(model, weights.file, weights.path);
    return layers::models::kOwnNames;
  }
  const auto sources = layers::models::model_sources(model);
  const auto tensors = targets(network);
  const auto fitting = [&](const SourceNames& source) {
    return std::ranges::count_if(tensors, [&](const auto& entry) {
      return weights.file.tensors.contains(source_name(source, entry.first));
    });
  };
  return *std::ranges::max_element(sources, {}, fitting);
}

std::string described(const Tensor& tensor) {
  return fmt::format("{} {}", name_of(tensor.dtype()), tensor.shape().to_string());
}

/// The running mean of the batch norm that absorbs the convolution bias `name`; empty without a
/// batch norm.
std::string folded_into(const std::string& name, const std::map<std::string, Tensor>& tensors) {
  const std::string bias = "conv.bias";
  if (!name.ends_with(bias)) return {};
  const std::string mean = name.substr(0, name.size() - bias.size()) + "bn.running_mean";
  return tensors.contains(mean) ? mean : std::string();
}

bool begins_with(const std::string& name, const std::vector<std::string>& prefixes) {
  return std::ranges::any_of(prefixes,
                             [&](const std::string& prefix) { return name.starts_with(prefix); });
}

/// Name prefixes of the tensors that a checkpoint has in addition to targets().
std::vector<std::string> left_out(layers::Module& network) {
  std::vector<std::string> result = train::other_prefixes(network);
  for (const layers::Buffer& buffer : network.buffers())
    if (buffer.value.dtype() != DType::f32) result.push_back(buffer.name);
  return result;
}

class Import {
 public:
  Import(layers::Module& network, const SourceNames& source, const ForeignWeights& weights)
      : targets_(targets(network)), weights_(weights) {
    for (const auto& [name, tensor] : targets_) match(name, source_name(source, name), tensor);
    // A convolution's bias is not a tensor of the network; its name follows from the weight's.
    for (const auto& [name, tensor] : targets_) {
      if (!name.ends_with("conv.weight")) continue;
      const std::string bias = name.substr(0, name.size() - std::string("weight").size()) + "bias";
      match_bias(bias, source_name(source, bias));
    }
    const auto prefixes = is_checkpoint(weights) ? left_out(network) : std::vector<std::string>();
    for (const auto& [name, tensor] : weights.file.tensors)
      if (!used_.contains(name) && !begins_with(name, prefixes))
        wrong_.push_back(fmt::format("{} {} is unknown", name, described(tensor)));
  }

  void check() const {
    if (wrong_.empty()) return;
    fail("{}: does not fit the network, {} tensor{}:\n  {}", weights_.path.string(), wrong_.size(),
         wrong_.size() == 1 ? "" : "s", listed(wrong_, "\n  "));
  }

  void copy() {
    for (auto& [name, target] : targets_)
      target.copy_from(weights_.file.tensors.at(sources_.at(name)));
    for (const auto& [mean, bias] : biases_) {
      Tensor target = targets_.at(mean);
      const Tensor& values = weights_.file.tensors.at(bias);
      for (std::int64_t c = 0; c < target.numel(); ++c) target.data()[c] -= values.data()[c];
    }
  }

  ImportReport report(const SourceNames& source) const {
    return {.source = source.source,
            .tensors = static_cast<std::int64_t>(targets_.size()),
            .folded_biases = static_cast<std::int64_t>(biases_.size())};
  }

 private:
  void match(const std::string& name, const std::string& source, const Tensor& target) {
    const auto found = weights_.file.tensors.find(source);
    if (found == weights_.file.tensors.end()) {
      wrong_.push_back(fmt::format("{} {} is missing", source, described(target)));
      return;
    }
    used_.insert(source);
    sources_[name] = source;
    check_tensor(source, found->second, target);
    if (train::has_negative_variance(name, found->second))
      wrong_.push_back(source + " contains a negative variance");
  }

  void match_bias(const std::string& name, const std::string& source) {
    const std::string mean = folded_into(name, targets_);
    const auto found = weights_.file.tensors.find(source);
    if (mean.empty() || targets_.contains(name) || found == weights_.file.tensors.end()) return;
    used_.insert(source);
    biases_[mean] = source;
    check_tensor(source, found->second, targets_.at(mean));
  }

  void check_tensor(const std::string& source, const Tensor& found, const Tensor& target) {
    if (found.shape() != target.shape() || found.dtype() != target.dtype()) {
      wrong_.push_back(
          fmt::format("{} is {} and should be {}", source, described(found), described(target)));
    } else if (const std::string value = first_non_finite(found); !value.empty()) {
      wrong_.push_back(fmt::format("{} contains {}", source, value));
    }
  }

  std::map<std::string, Tensor> targets_;
  const ForeignWeights& weights_;
  std::map<std::string, std::string> sources_;  // by the network's names
  std::map<std::string, std::string> biases_;   // by the running mean that absorbs them
  std::set<std::string> used_;
  std::vector<std::string> wrong_;
};

/// The names of the placeholders in `pattern`.
/// @param form  matches one placeholder
std::set<std::string> placeholders(const std::string& pattern, const std::regex& form,
                                   const std::string& where) {
  std::set<std::string> result;
  for (std::sregex_iterator match(pattern.begin(), pattern.end(), form), end; match != end; ++match)
    result.insert((*match)[1]);
  const std::string rest = std::regex_replace(pattern, form, "");
  if (rest.find_first_of("{}") != std::string::npos)
    fail("{}: expected placeholders like {{n}}, or {{n+1}} in the second name, got {}", where,
         pattern);
  return result;
}

void check(const std::string& from, const std::string& to, const std::string& where) {
  static const std::regex given("\\{([a-z]+)\\}"), wanted("\\{([a-z]+)(?:[+-][0-9]{1,4})?\\}");
  const auto known = placeholders(from, given, where), used = placeholders(to, wanted, where);
  if (!std::ranges::includes(known, used))
    fail("{}: expected only placeholders of {}, got {}", where, from, to);
}

}  // namespace

ForeignWeights read_foreign_weights(const std::filesystem::path& path) {
  ForeignWeights weights{path, read_safetensors(path, [](const std::string& name) {
                           return !name.ends_with("num_batches_tracked");
                         })};
  const std::string prefix = "module.";
  auto& tensors = weights.file.tensors;
  const bool parallel = !tensors.empty() && std::ranges::all_of(tensors, [&](const auto& entry) {
    return entry.first.starts_with(prefix);
  });
  if (!parallel) return weights;
  std::map<std::string, Tensor> renamed;
  for (const auto& [name, tensor] : tensors) renamed[name.substr(prefix.size())] = tensor;
  tensors = std::move(renamed);
  return weights;
}

std::int64_t classes_in(const ForeignWeights& weights, layers::Module& network,
                        const std::string& model) {
  const SourceNames source = best_source(model, network, weights);
  const std::string name =
      source_name(source, network.quantized_layers().back()->name() + ".weight");
  const auto found = weights.file.tensors.find(name);
  if (found == weights.file.tensors.end() || found->second.rank() == 0) {
    fail("{}: expected weights of {} with the classifier {} (names of {}), got none",
         weights.path.string(), model, name, source.source);
  }
  return found->second.dim(0);
}

ImportReport import_weights(layers::Module& network, const std::string& model,
                            const ForeignWeights& weights) {
  const SourceNames source = best_source(model, network, weights);
  Import import(network, source, weights);
  import.check();
  import.copy();
  return import.report(source);
}

NameMap::NameMap(const std::filesystem::path& path) : source_(path.string()) {
  std::istringstream lines(read_text(path, kMaxTextBytes));
  int number = 0;
  for (std::string line; std::getline(lines, line);) {
    const std::string where = fmt::format("{}:{}", source_, ++number);
    constexpr std::size_t kMaxLine = 1000;  // std::regex recurses once per character
    if (line.size() > kMaxLine)
      fail("{}: expected at most {} characters, got {}", where, kMaxLine, line.size());
    std::istringstream words(line.substr(0, line.find('#')));
    std::string from, to, more;
    if (!(words >> from)) continue;
    if (!(words >> to) || words >> more)
      fail("{}: expected two names, one here and one in the weight file, got '{}'", where, line);
    check(from, to, where);
    words_.push_back(std::move(from));
    words_.push_back(std::move(to));
    renames_.push_back({words_[words_.size() - 2].c_str(), words_.back().c_str()});
  }
}

}  // namespace quench::experiments
