#include "train/epoch_line.h"

#include <fmt/format.h>

#include "train/progress.h"

namespace quench::train {

std::string epoch_line(const MetricsRow& row, std::int64_t epochs, bool quantized, bool has_alpha) {
  std::string line = fmt::format("epoch {:>3}/{}  loss {:.4f}  top1 %: train {:5.2f}", row.epoch,
                                 epochs, row.loss, row.train_top1);
  if (quantized) line += fmt::format("  quantized {:5.2f}", row.top1_quantized);
  line += fmt::format("  float {:5.2f}", row.top1_float);
  if (has_alpha) line += fmt::format("  alpha {:.2f}", row.alpha);
  line += fmt::format("  lr {:.1e}  {:.0f} img/s  {}", row.lr, row.images_per_second,
                      format_duration(row.seconds));
  constexpr double kWorthSaying = 0.02;  // of the epoch
  if (row.data_wait_s > kWorthSaying * row.seconds)
    line += fmt::format("  (waited {:.1f} s for data)", row.data_wait_s);
  return line;
}

}  // namespace quench::train
