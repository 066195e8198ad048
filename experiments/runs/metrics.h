#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <span>
#include <string_view>
#include <variant>
#include <vector>

namespace quench::experiments {

/// One line of metrics.csv: the state of a run after an epoch.
struct MetricsRow {
  std::int64_t epoch = 0;       ///< completed epochs, so the first line has 1
  std::int64_t step = 0;        ///< optimizer steps since the start
  double loss = 0.0;            ///< mean over the epoch's training images
  double train_top1 = 0.0;      ///< percent, from the training forward passes
  double top1_quantized = 0.0;  ///< percent, on the evaluation images
  double top1_float = 0.0;      ///< likewise for the float network underneath
  double alpha = 0.0;           ///< as reported by quantizers; 0 if none reports it
  double lr = 0.0;              ///< at the epoch's last step
  double images_per_second = 0.0;
  double seconds = 0.0;      ///< duration of the epoch
  double data_wait_s = 0.0;  ///< time that training steps waited for images
  /// Mean label loss over the evaluation images: train.loss without smoothing and without a
  /// teacher. It and the values below are NaN in rows of quench 0.1, which did not record them.
  double loss_quantized = kNotTold;
  double loss_float = kNotTold;      ///< likewise for the float network underneath
  double top5_quantized = kNotTold;  ///< percent, as top1
  double top5_float = kNotTold;

  /// NaN equals NaN.
  bool operator==(const MetricsRow& other) const;

 private:
  static constexpr double kNotTold = std::numeric_limits<double>::quiet_NaN();
};

struct MetricsColumn {
  std::string_view name;  ///< in files
  std::variant<std::int64_t MetricsRow::*, double MetricsRow::*> member;
  bool since_0_2 = false;  ///< missing in files of quench 0.1
  /// Whether quantizers report it under this name (Quantizer::metrics()); 0 if none does.
  bool of_quantizers = false;
};
/// The columns of MetricsRow, in file order.
std::span<const MetricsColumn> metrics_columns();

/// Reads metrics.csv, including files of quench 0.1. Skips an incomplete last line, which a killed
/// process may leave.
/// @throws std::runtime_error  naming file, line and value
std::vector<MetricsRow> read_metrics(const std::filesystem::path& path);

/// Appends lines to metrics.csv; each is on disk when append() returns.
class MetricsWriter {
 public:
  explicit MetricsWriter(std::filesystem::path path) : path_(std::move(path)) {}

  /// Appends `row`, after the column names if the file is new.
  /// @throws std::runtime_error  if the file cannot be written
  void append(const MetricsRow& row);

  /// Drops the lines after epoch `epochs`, for a run that resumes from an older checkpoint. A
  /// missing file counts as empty; a file of quench 0.1 gets the missing columns.
  /// @throws std::runtime_error  if the file is damaged or cannot be written
  void truncate(std::int64_t epochs);

 private:
  std::filesystem::path path_;
};

}  // namespace quench::experiments
