#include "experiments/report/comparable.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>

#include "support/error.h"
#include "support/text_number.h"

namespace quench::experiments::report {
namespace {

/// Keys of [data] that locate the files of an image folder.
constexpr const char* kFolderKeys[] = {"data.dir", "data.train_dir", "data.test_dir",
                                       "data.labels"};

/// A size in a config; 0 if it is absent or left to the data set.
std::int64_t configured(const ConfigValues& config, const std::string& key) {
  const auto found = config.find(key);
  if (found == config.end()) return 0;
  const std::string& text = found->second;
  std::int64_t size = 0;
  std::from_chars(text.data(), text.data() + text.size(), size);
  return size;
}

bool is_held_out(const RunReport& run) {
  return run.measured && run.measured->evaluation_images > 0
             ? run.measured->held_out
             : configured(run.record.config, "data.validation_size") > 0;
}

/// The number of images that the accuracy is measured on; 0: unknown.
std::int64_t evaluation_images(const RunReport& run) {
  if (const auto accuracy = accuracy_of(run); accuracy && accuracy->images > 0)
    return accuracy->images;
  if (run.measured && run.measured->evaluation_images > 0) return run.measured->evaluation_images;
  return configured(run.record.config,
                    is_held_out(run) ? "data.validation_size" : "data.test_size");
}

bool same_data(const RunReport& a, const RunReport& b) {
  const std::string name = a.record.value_of("data.name");
  if (name != b.record.value_of("data.name")) return false;
  // Other data sets are the same wherever they are stored.
  if (name != "imagefolder") return true;
  return std::ranges::all_of(kFolderKeys, [&](const char* key) {
    const std::string path = a.record.value_of(key), other = b.record.value_of(key);
    if (path.empty() || other.empty()) return path == other;
    return std::filesystem::absolute(path).lexically_normal() ==
           std::filesystem::absolute(other).lexically_normal();
  });
}

bool differ(std::int64_t a, std::int64_t b) { return a != 0 && b != 0 && a != b; }

bool evaluated_alike(const RunReport& a, const RunReport& b) {
  if (is_held_out(a) != is_held_out(b) || differ(evaluation_images(a), evaluation_images(b)))
    return false;
  if (!a.measured || !b.measured) return true;
  const std::vector<int>&labels = a.measured->labels, &others = b.measured->labels;
  return labels.size() != others.size() || labels == others;
}

}  // namespace

std::optional<RunAccuracy> accuracy_of(const RunReport& run) {
  std::optional<RunAccuracy> result;
  const auto& measured = run.measured;
  if (!run.record.epochs.empty()) {
    const MetricsRow& row = run.record.epochs.back().row;
    result = {row.top1_quantized, row.top1_float, measured ? measured->evaluation_images : 0};
  } else if (run.record.quantized) {
    const QuantizeRecord& record = *run.record.quantized;
    result = {record.top1_quantized, record.top1_float, record.images};
  } else if (run.record.origin == RunOrigin::imported && measured && measured->confusion) {
    const double top1 = 100.0 * static_cast<double>(measured->confusion->correct()) /
                        static_cast<double>(measured->shown_images);
    result = {top1, top1, measured->shown_images};
  }
  return result && std::isfinite(result->quantized) ? result : std::nullopt;
}

bool is_quantized(const RunReport& run) {
  if (run.record.quant.quantizes() || !run.measured) return run.record.quant.quantizes();
  return std::ranges::any_of(run.measured->layers, [](const LayerMeasurement& layer) {
    return layer.weight && layer.weight->quantizes();
  });
}

std::int64_t training_images(const RunReport& run) {
  const bool here = run.record.origin == RunOrigin::trained;
  if (here && run.measured && run.measured->training_images > 0)
    return run.measured->training_images;
  const ConfigValues& config = here ? run.record.config : run.record.source_config;
  const std::int64_t all = configured(config, "data.train_size");
  return all == 0 ? 0 : all - configured(config, "data.validation_size");
}

std::string evaluation_text(const RunReport& run) {
  const std::int64_t images = evaluation_images(run), training = training_images(run);
  std::string text = fmt::format("{} images of {}", is_held_out(run) ? "held-out" : "test",
                                 run.record.value_of("data.name"));
  if (images > 0) text = fmt::format("{} {}", grouped(images), text);
  if (training > 0) text += fmt::format(", {} for training", grouped(training));
  return text;
}

std::vector<std::string> obstacles(const RunReport& a, const RunReport& b) {
  if (!same_data(a, b)) return {"the data set"};
  std::vector<std::string> result;
  if (!evaluated_alike(a, b)) result.emplace_back("the evaluation images");
  if (differ(training_images(a), training_images(b)))
    result.emplace_back("the number of training images");
  return result;
}

std::vector<std::vector<const RunReport*>> comparable_groups(std::span<const RunReport> runs) {
  std::vector<std::vector<const RunReport*>> groups;
  for (const RunReport& run : runs) {
    const auto fits = [&run](const std::vector<const RunReport*>& group) {
      return std::ranges::all_of(
          group, [&run](const RunReport* other) { return obstacles(*other, run).empty(); });
    };
    const auto found = std::ranges::find_if(groups, fits);
    if (found != groups.end()) {
      found->push_back(&run);
    } else {
      groups.push_back({&run});
    }
  }
  return groups;
}

std::optional<PairedImages> paired_images(const RunReport& a, const RunReport& b) {
  if (!a.measured || !b.measured || !same_data(a, b) || !evaluated_alike(a, b)) return std::nullopt;
  // The accuracy is that after the last epoch, so the predictions must be, too.
  if (a.checkpoint != "last" || b.checkpoint != "last") return std::nullopt;
  const bool drawn = a.record.value_of("data.name") == "synthetic";
  if (drawn && a.record.value_of("train.seed") != b.record.value_of("train.seed"))
    return std::nullopt;
  const std::vector<bool>&right = a.measured->right, &other = b.measured->right;
  if (right.empty() || right.size() != other.size()) return std::nullopt;
  PairedImages result{.images = std::ssize(right)};
  for (std::size_t i = 0; i < right.size(); ++i) {
    result.only_a += right[i] && !other[i] ? 1 : 0;
    result.only_b += other[i] && !right[i] ? 1 : 0;
  }
  return result;
}

}  // namespace quench::experiments::report
