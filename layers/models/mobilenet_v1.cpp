#include "layers/models/mobilenet_v1.h"

#include <algorithm>
#include <array>
#include <string>

namespace quench::layers::models {
namespace {

struct Block {
  int stride;
  std::int64_t channels;
};

constexpr std::int64_t kMobileNetV1Stem = 32;
constexpr std::array kBlocks{
    Block{1, 64},  Block{2, 128},  Block{1, 128},  Block{2, 256}, Block{1, 256},
    Block{2, 512}, Block{1, 512},  Block{1, 512},  Block{1, 512}, Block{1, 512},
    Block{1, 512}, Block{2, 1024}, Block{1, 1024},
};

}  // namespace

std::unique_ptr<Module> mobilenet_v1(const MobileOptions& options, Random& random) {
  MobileBuilder builder(options, random);
  const auto scaled = [&options](std::int64_t channels) {
    const double exact = static_cast<double>(channels) * options.width;
    return std::max<std::int64_t>(static_cast<std::int64_t>(exact), 8);
  };
  auto network = std::make_unique<Sequential>();
  network->append("conv1", builder.conv(scaled(kMobileNetV1Stem), 3, 2, options.activation));
  int number = 0;
  for (const Block& row : kBlocks) {
    auto block = std::make_shared<Sequential>();
    block->append("dw", builder.depthwise(3, row.stride, options.activation));
    block->append("pw", builder.conv(scaled(row.channels), 1, 1, options.activation));
    network->append("block" + std::to_string(++number), block);
  }
  builder.append_classifier(*network);
  return network;
}

std::unique_ptr<Module> make_mobilenet_v1(Settings& settings, const ModelInput& input,
                                          Random& random) {
  return mobilenet_v1(read_mobile_options(settings, input, {.dropout = 0.001f}), random);
}

}  // namespace quench::layers::models
