#include "experiments/runs/epoch_metrics.h"

#include <stdexcept>

#include "fuzz/memory_file.h"

using namespace quench;

/// metrics.jsonl.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static fuzz::MemoryFile file;
  file.write(data, size);
  return fuzz::may_refuse<std::runtime_error>([&] {
    for (const experiments::EpochMetrics& metrics : experiments::read_epoch_metrics(file.path()))
      fuzz::promise(experiments::line_of(metrics).ends_with("}\n"));
  });
}
