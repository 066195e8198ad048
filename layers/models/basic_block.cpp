#include "layers/models/basic_block.h"

#include "layers/models/padding.h"
#include "layers/shape_layers.h"

namespace quench::models {
namespace {

std::shared_ptr<Module> padded_shortcut(const BasicBlockOptions& options) {
  const std::int64_t missing = options.out_channels - options.in_channels;
  auto result = std::make_shared<Sequential>();
  result->append("subsample", subsample(options.stride));
  result->append("pad", std::make_shared<Pad>(PadSizes{.channels_before = missing / 2,
                                                       .channels_after = missing - missing / 2}));
  return result;
}

std::shared_ptr<Module> make_shortcut(const BasicBlockOptions& options, Random& random) {
  const ConvSpec conv{.in_channels = options.in_channels,
                      .out_channels = options.out_channels,
                      .kernel_size = 1,
                      .stride = options.stride};
  switch (options.shortcut) {
    case Shortcut::pad:
      return padded_shortcut(options);
    case Shortcut::conv:
      return make_conv(conv, random);
    case Shortcut::conv_norm:
      break;
  }
  return conv_norm(conv, options.norm, Activation::none, random);
}

}  // namespace

std::shared_ptr<Residual> basic_block(const BasicBlockOptions& options, Random& random) {
  const std::int64_t in = options.in_channels, out = options.out_channels;
  const auto conv = [&random](std::int64_t from, std::int64_t to, int stride) {
    return make_conv({.in_channels = from,
                      .out_channels = to,
                      .stride = stride,
                      .padding = symmetric_padding(3)},
                     random);
  };
  auto block = std::make_shared<Residual>();
  block->append("conv1", conv(in, out, options.stride));
  block->append("bn1", make_norm(out, options.norm, Activation::relu));
  block->append("conv2", conv(out, out, 1));
  block->append("bn2", make_norm(out, options.norm));
  if (options.stride != 1 || in != out)
    block->set_shortcut("shortcut", make_shortcut(options, random));
  block->join(Activation::relu);
  return block;
}

}  // namespace quench::models
