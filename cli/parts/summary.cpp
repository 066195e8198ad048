#include "cli/parts/summary.h"

#include <fmt/format.h>

#include "experiments/runs/metrics.h"
#include "layers/quantized_layer.h"
#include "support/console.h"
#include "support/progress.h"
#include "support/text_number.h"

namespace quench::command {
namespace {

struct WeightSize {
  double float_bytes = 0.0;
  double quantized_bytes = 0.0;
};

/// Weights of layers alone: what batch norm and biases add does not depend on the method.
WeightSize weight_size(Module& network) {
  WeightSize size;
  for (QuantizedLayer* layer : network.quantized_layers()) {
    size.float_bytes += static_cast<double>(layer->weight().value().numel()) * 4.0;
    size.quantized_bytes += layer->weight_bytes();
  }
  return size;
}

std::string kib(double bytes) { return fmt::format("{:.0f} KiB", bytes / 1024.0); }

}  // namespace

void print_summary(train::Trainer& trainer, const train::RunFolder& folder,
                   const train::RunResult& result) {
  const std::vector<train::MetricsRow> rows = train::read_metrics(folder.metrics());
  const auto row = [](std::string_view name, const std::string& value) {
    say(fmt::format("  {:<22} {}", name, value));
  };
  say(fmt::format("\n{} after {}", trainer.config().name, counted(result.epochs, "epoch")));
  const char* images = trainer.data().validation ? "held-out images" : "test images";
  const bool quantized = is_quantized(trainer.network());
  if (!rows.empty()) {
    if (quantized)
      row("top1 quantized", fmt::format("{:.2f} %  ({})", rows.back().top1_quantized, images));
    row("top1 float", fmt::format("{:.2f} %  ({})", rows.back().top1_float, images));
  }
  const WeightSize size = weight_size(trainer.network());
  row("weights in fp32", kib(size.float_bytes));
  if (quantized) {
    row("weights at their bits", fmt::format("{}  ({:.1f} x smaller)", kib(size.quantized_bytes),
                                             size.float_bytes / size.quantized_bytes));
  }
  row("time", format_duration(result.seconds));
  row("checkpoints",
      fmt::format("{}, {}", folder.last().string(), folder.best().filename().string()));
  row("metrics", folder.metrics().string());
}

}  // namespace quench::command
