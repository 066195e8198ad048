#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "experiments/runs/epoch_metrics.h"

namespace quench::experiments {

/// A record of a TFRecord file: length, checksum of the length, bytes, checksum of the bytes
/// (masked CRC-32C), all little-endian (tensorflow.org/tutorials/load_data/tfrecord).
std::string tfrecord(std::string_view bytes);

/// Points of TensorBoard's curves: tag, value.
using Scalars = std::vector<std::pair<std::string, double>>;

/// An Event of tensorflow/core/util/event.proto with a Summary of simple values, serialized.
std::string scalar_event(double wall_time, std::int64_t step, const Scalars& scalars);
/// The first Event of a file, with the version of its format.
std::string version_event(double wall_time);

/// The columns of metrics.csv as "loss/train", "top1/train", "top1/quantized", "top1/float",
/// "loss/quantized", "loss/float", "top5/quantized", "top5/float", "alpha", "lr", "speed/...";
/// values of layers as "layers/conv2.weight/scale"; classes as "classes/cat/quantized" and
/// "classes/cat/float", unless there are more than 100, which would be too many charts.
Scalars scalars_of(const EpochMetrics& metrics);

/// A run's epochs for TensorBoard, as a file "events.out.tfevents.<seconds>.quench" in the run
/// folder: `tensorboard --logdir runs` shows each run under its folder's name, over epochs.
class EventFile {
 public:
  /// Opens the file in `folder`, or starts one.
  explicit EventFile(const std::filesystem::path& folder);

  const std::filesystem::path& path() const { return path_; }
  /// Appends an epoch; it is on disk when this returns.
  /// @throws std::runtime_error  if the file cannot be written
  void append(const EpochMetrics& metrics) const;
  /// Makes the file contain exactly `epochs`. A file that already does is not touched, so a
  /// TensorBoard that reads it continues. @throws std::runtime_error  if the file cannot be written
  void rewrite(std::span<const EpochMetrics> epochs) const;

 private:
  std::string header() const;
  std::filesystem::path path_;
  double started_ = 0.0;  // the number in the file's name
};

}  // namespace quench::experiments
