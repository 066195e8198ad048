#include "layers/models/inverted_residual.h"

#include <algorithm>
#include <string>

#include "layers/residual.h"

namespace quench::models {
namespace {

constexpr std::int64_t kStem = 32, kLast = 1280;

/// To the nearest multiple of 8, at least 8, not below 90 % (tf-slim's make_divisible).
std::int64_t rounded(double channels) {
  const std::int64_t nearest =
      std::max<std::int64_t>(8, static_cast<std::int64_t>(channels + 4.0) / 8 * 8);
  return static_cast<double>(nearest) < 0.9 * channels ? nearest + 8 : nearest;
}

std::shared_ptr<Module> make_block(const InvertedResidualRow& row, int stride, std::int64_t out,
                                   Activation activation, MobileBuilder& builder) {
  const std::int64_t in = builder.channels(), height = builder.height();
  auto block = std::make_shared<Residual>();
  if (row.expansion != 1)
    block->append("expand", builder.conv(row.expansion * in, 1, 1, activation));
  block->append("dw", builder.depthwise(row.kernel_size, stride, activation));
  block->append("project", builder.conv(out, 1, 1, Activation::none));
  if (in == out && builder.height() == height) block->join(Activation::none);
  return block;
}

}  // namespace

std::unique_ptr<Module> inverted_residual_network(std::span<const InvertedResidualRow> table,
                                                  const MobileOptions& options,
                                                  Activation stem_activation, Random& random) {
  MobileBuilder builder(options, random);
  const auto scaled = [](std::int64_t channels, double width) {
    return rounded(static_cast<double>(channels) * width);
  };
  auto network = std::make_unique<Sequential>();
  network->append("conv1", builder.conv(scaled(kStem, options.width), 3, 2, stem_activation));
  int number = 0;
  for (const InvertedResidualRow& row : table) {
    for (int i = 0; i < row.repeats; ++i) {
      network->append("block" + std::to_string(number++),
                      make_block(row, i == 0 ? row.stride : 1, scaled(row.channels, options.width),
                                 options.activation, builder));
    }
  }
  network->append("conv_last", builder.conv(scaled(kLast, std::max(1.0, options.width)), 1, 1,
                                            options.activation));
  builder.append_classifier(*network);
  return network;
}

}  // namespace quench::models
