#include "experiments/runs/checkpoint.h"

#include <charconv>
#include <stdexcept>
#include <vector>

#include "support/error.h"

namespace quench::experiments {
namespace {

constexpr const char* kProgress = "training.progress";
constexpr const char* kSignsPrefix = "training.signs.";
constexpr const char* kAtLimitPrefix = "training.at_limit.";
constexpr const char* kImages = "images";  // in the metadata
constexpr const char* kRanks = "ranks";    // likewise, if there are several

Tensor pack_step(const train::TrainingStep& step) {
  return Tensor::from_row_major(
      {2}, std::vector<double>{static_cast<double>(step.epoch), static_cast<double>(step.step)});
}

Tensor pack(const Checkpoint& checkpoint) {
  const train::Progress& p = checkpoint.progress;
  // Doubles represent every count below 2^53 exactly, and the loss sum must keep all its bits.
  const std::vector<double> values{static_cast<double>(p.epoch),
                                   static_cast<double>(p.step_in_epoch),
                                   static_cast<double>(p.step),
                                   p.loss_sum,
                                   static_cast<double>(p.correct),
                                   static_cast<double>(p.seen),
                                   checkpoint.best_top1};
  return Tensor::from_row_major({static_cast<std::int64_t>(values.size())}, values);
}

std::int64_t count_of(double value, const std::filesystem::path& path, const std::string& name) {
  if (!(value >= 0.0 && value <= 0x1p53))
    fail("{}: {} holds {}, not a count", path.string(), name, value);
  return static_cast<std::int64_t>(value);
}

Checkpoint unpack(const Tensor& packed, const std::filesystem::path& path) {
  if (packed.dtype() != DType::f64 || packed.shape() != pack({}).shape()) {
    fail("{}: {} is {} {}, not a training position", path.string(), kProgress,
         name_of(packed.dtype()), packed.shape().to_string());
  }
  const double* v = packed.data<double>();
  const auto count = [&path](double value) { return count_of(value, path, kProgress); };
  return {.progress = {.epoch = count(v[0]),
                       .step_in_epoch = count(v[1]),
                       .step = count(v[2]),
                       .loss_sum = v[3],
                       .correct = count(v[4]),
                       .seen = count(v[5])},
          .best_top1 = v[6]};
}

Checkpoint checkpoint_in(const TensorFile& file, const std::filesystem::path& path) {
  const auto position = file.tensors.find(kProgress);
  if (position == file.tensors.end())
    fail("{}: has a network but no training position to resume from", path.string());
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

std::filesystem::path checkpoint_at(const std::filesystem::path& from) {
  return std::filesystem::is_directory(from) ? from / "last.safetensors" : from;
}

void load_weights(layers::Module& network, const std::string& model,
                  const std::filesystem::path& from) {
  const std::filesystem::path file = checkpoint_at(from);
  train::load_weights(network, model, read_safetensors(file), file);
}

void save_checkpoint(const std::filesystem::path& path, layers::Module& network,
                     const std::string& model, const train::Optimizer& optimizer,
                     const Checkpoint& checkpoint) {
  TensorFile file = train::network_state(network, model);
  for (auto& [name, tensor] : optimizer.state())
    file.tensors[train::kOptimizerPrefix + name] = tensor;
  file.tensors[kProgress] = pack(checkpoint);
  for (const auto& [layer, signs] : checkpoint.signs) file.tensors[kSignsPrefix + layer] = signs;
  for (const auto& [slot, since] : checkpoint.at_limit)
    file.tensors[kAtLimitPrefix + slot] = pack_step(since);
  if (!checkpoint.images.empty()) file.metadata[kImages] = checkpoint.images;
  if (checkpoint.ranks != 1) file.metadata[kRanks] = std::to_string(checkpoint.ranks);
  write_safetensors(path, file);
}

train::SlotsAtLimit slots_at_limit_in(const TensorFile& file, const std::filesystem::path& path) {
  train::SlotsAtLimit slots;
  for (const auto& [slot, since] : train::tensors_below(file.tensors, kAtLimitPrefix)) {
    if (since.dtype() != DType::f64 || since.shape() != Shape{2})
      fail("{}: {}{} is {} {}, not an epoch and a step", path.string(), kAtLimitPrefix, slot,
           name_of(since.dtype()), since.shape().to_string());
    const double* values = since.data<double>();
    slots[slot] = {.epoch = count_of(values[0], path, kAtLimitPrefix + slot),
                   .step = count_of(values[1], path, kAtLimitPrefix + slot)};
  }
  return slots;
}

Position position_of(const std::filesystem::path& path) {
  const train::Progress progress = checkpoint_in(read_safetensors(path), path).progress;
  return {.epoch = progress.epoch, .step_in_epoch = progress.step_in_epoch};
}

Checkpoint load_checkpoint(const std::filesystem::path& path, layers::Module& network,
                           const std::string& model, train::Optimizer& optimizer) {
  const TensorFile file = read_safetensors(path);
  train::require_model(model, file, path);
  Checkpoint checkpoint = checkpoint_in(file, path);
  checkpoint.signs = train::tensors_below(file.tensors, kSignsPrefix);
  checkpoint.at_limit = slots_at_limit_in(file, path);
  if (const auto images = file.metadata.find(kImages); images != file.metadata.end())
    checkpoint.images = images->second;
  if (const auto ranks = file.metadata.find(kRanks); ranks != file.metadata.end())
    checkpoint.ranks = read_ranks(ranks->second, path);
  train::load_network(network, model, file, path);
  try {
    optimizer.load_state(train::tensors_below(file.tensors, train::kOptimizerPrefix));
  } catch (const std::invalid_argument& error) {
    fail("{}: {}", path.string(), error.what());
  }
  return checkpoint;
}

}  // namespace quench::experiments
