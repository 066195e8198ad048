#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <span>
#include <string_view>
#include <variant>
#include <vector>

namespace quench::train {

/// One line of metrics.csv: where a run stood after an epoch.
struct MetricsRow {
  std::int64_t epoch = 0;       ///< completed epochs, so the first line says 1
  std::int64_t step = 0;        ///< optimizer steps since the start
  double loss = 0.0;            ///< mean over the epoch's training images
  double train_top1 = 0.0;      ///< percent, of the training forward passes
  double top1_quantized = 0.0;  ///< percent, on the images the run is judged by
  double top1_float = 0.0;      ///< the same of the float network underneath
  double alpha = 0.0;           ///< as the quantizers report it; 0 if none does
  double lr = 0.0;              ///< at the epoch's last step
  double images_per_second = 0.0;
  double seconds = 0.0;      ///< the epoch took
  double data_wait_s = 0.0;  ///< of which the training step waited for images
  /// Mean loss of the labels over the images the run is judged by: train.loss without smoothing and
  /// without a teacher. With its neighbours it is NaN in rows of quench 0.1, which has none.
  double loss_quantized = kNotTold;
  double loss_float = kNotTold;      ///< the same of the float network underneath
  double top5_quantized = kNotTold;  ///< percent, as top1
  double top5_float = kNotTold;

  /// NaN equals NaN.
  bool operator==(const MetricsRow& other) const;

 private:
  static constexpr double kNotTold = std::numeric_limits<double>::quiet_NaN();
};

struct MetricsColumn {
  std::string_view name;  ///< in the files
  std::variant<std::int64_t MetricsRow::*, double MetricsRow::*> member;
  bool since_0_2 = false;  ///< files of quench 0.1 lack it
  /// Holds what quantizers report under its name (Quantizer::metrics()); 0 if none does.
  bool of_quantizers = false;
};
/// Those of MetricsRow, in the order of the file.
std::span<const MetricsColumn> metrics_columns();

/// Reads metrics.csv, also of quench 0.1. An unfinished last line, left by a killed process, is
/// skipped.
/// @throws std::runtime_error  naming file, line and value
std::vector<MetricsRow> read_metrics(const std::filesystem::path& path);

/// Adds lines to metrics.csv; each is on disk when append() returns.
class MetricsWriter {
 public:
  explicit MetricsWriter(std::filesystem::path path) : path_(std::move(path)) {}

  /// Adds `row`, after the column names if the file is new.
  /// @throws std::runtime_error  if the file cannot be written
  void append(const MetricsRow& row);

  /// Drops the lines after epoch `epochs`, for a run that goes on from an older checkpoint; no file
  /// is no lines. One of quench 0.1 gets the columns it lacks.
  /// @throws std::runtime_error  if the file is damaged or cannot be written
  void truncate(std::int64_t epochs);

 private:
  std::filesystem::path path_;
};

}  // namespace quench::train
