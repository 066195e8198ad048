#include <stdexcept>

#include "datasets/mnist.h"
#include "fuzz/target.h"

using namespace quench;
using namespace quench::datasets;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  for (const std::uint32_t magic : {kIdxImages, kIdxLabels}) {
    fuzz::may_refuse<std::runtime_error>([&] {
      const Idx idx = parse_idx(fuzz::bytes_of(data, size), magic, "input");
      std::size_t count = 1;
      for (const std::uint32_t extent : idx.sizes) count *= extent;
      fuzz::promise(idx.values.size() == count);
    });
  }
  return 0;
}
