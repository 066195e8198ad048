#include "datasets/cifar.h"

#include <stdexcept>

#include "fuzz/target.h"

using namespace quench;
using namespace quench::datasets;

/// Reads the records of both data sets, which differ in length.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  for (const CifarSet set : {CifarSet::cifar10, CifarSet::cifar100}) {
    fuzz::may_refuse<std::runtime_error>([&] {
      ImageList images;
      append_cifar(set, fuzz::bytes_of(data, size), "input", images);
      fuzz::promise(images.pixels.size() == images.labels.size() * 3 * 32 * 32);
    });
  }
  return 0;
}
