#include "experiments/runs/kept_checkpoints.h"

#include <algorithm>
#include <charconv>
#include <functional>
#include <string>
#include <string_view>
#include <system_error>

#include "support/error.h"

namespace quench::experiments {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kCheckpointPrefix = "epoch-", kCheckpointSuffix = ".safetensors";

/// The epoch of a checkpoint; 0 for other file names.
std::int64_t epoch_of(const std::string& name) {
  if (!name.starts_with(kCheckpointPrefix) || !name.ends_with(kCheckpointSuffix)) return 0;
  const char* begin = name.data() + kCheckpointPrefix.size();
  const char* end = name.data() + name.size() - kCheckpointSuffix.size();
  std::int64_t epoch = 0;
  const auto [stop, error] = std::from_chars(begin, end, epoch);
  return error == std::errc() && stop == end ? epoch : 0;
}

}  // namespace

bool keeps_checkpoints(const TrainConfig& train) {
  return train.keep_last > 0 || train.keep_best > 0 || train.keep_every > 0;
}

fs::path kept_checkpoint(const fs::path& run, std::int64_t epoch) {
  return run / fmt::format("{}{}{}", kCheckpointPrefix, epoch, kCheckpointSuffix);
}

std::vector<std::int64_t> kept_epochs(const fs::path& run) {
  std::vector<std::int64_t> epochs;
  for (const fs::directory_entry& entry : fs::directory_iterator(run)) {
    if (const std::int64_t epoch = epoch_of(entry.path().filename().string()); epoch > 0)
      epochs.push_back(epoch);
  }
  std::ranges::sort(epochs);
  return epochs;
}

std::set<std::int64_t> epochs_to_keep(const TrainConfig& train, std::span<const MetricsRow> rows) {
  std::set<std::int64_t> kept;
  const auto count = std::ssize(rows);
  for (std::int64_t i = std::max<std::int64_t>(0, count - train.keep_last); i < count; ++i)
    kept.insert(rows[static_cast<std::size_t>(i)].epoch);
  for (const MetricsRow& row : rows) {
    if (train.keep_every > 0 && row.epoch % train.keep_every == 0) kept.insert(row.epoch);
  }
  std::vector<MetricsRow> by_accuracy(rows.begin(), rows.end());
  std::ranges::stable_sort(by_accuracy, std::greater(), &MetricsRow::top1_quantized);
  by_accuracy.resize(static_cast<std::size_t>(std::min(count, train.keep_best)));
  for (const MetricsRow& row : by_accuracy) kept.insert(row.epoch);
  return kept;
}

void prune_kept_checkpoints(const fs::path& run, const TrainConfig& train,
                            std::span<const MetricsRow> rows) {
  if (!keeps_checkpoints(train)) return;
  const std::set<std::int64_t> kept = epochs_to_keep(train, rows);
  for (const std::int64_t epoch : kept_epochs(run)) {
    std::error_code ignored;  // a failed removal must not end the training
    if (!kept.contains(epoch)) fs::remove(kept_checkpoint(run, epoch), ignored);
  }
}

}  // namespace quench::experiments
