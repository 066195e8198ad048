#include "experiments/runs/metrics.h"

#include <stdexcept>

#include "fuzz/memory_file.h"

using namespace quench;

/// metrics.csv.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static fuzz::MemoryFile file;
  file.write(data, size);
  return fuzz::may_refuse<std::runtime_error>(
      [&] { fuzz::promise(experiments::read_metrics(file.path()).size() <= size); });
}
