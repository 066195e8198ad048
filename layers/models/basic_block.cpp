#include "layers/models/basic_block.h"

namespace quench::models {
namespace {

std::shared_ptr<Conv2d> conv(std::int64_t in_channels, std::int64_t out_channels, int kernel_size,
                             int stride, Random& random) {
  const int pad = kernel_size / 2;
  return std::make_shared<Conv2d>(
      Conv2dOptions{.in_channels = in_channels,
                    .out_channels = out_channels,
                    .kernel_size = {kernel_size, kernel_size},
                    .params = {.stride = {stride, stride}, .padding = {pad, pad, pad, pad}}},
      random);
}

std::shared_ptr<BatchNorm> norm(const BasicBlockOptions& options, Activation activation) {
  return std::make_shared<BatchNorm>(
      options.out_channels,
      BatchNormParams{.eps = options.eps, .momentum = options.momentum, .activation = activation});
}

}  // namespace

BasicBlock::BasicBlock(const BasicBlockOptions& options, Random& random) {
  const std::int64_t in = options.in_channels, out = options.out_channels;
  conv1_ = register_module("conv1", conv(in, out, 3, options.stride, random));
  bn1_ = register_module("bn1", norm(options, Activation::relu));
  conv2_ = register_module("conv2", conv(out, out, 3, 1, random));
  bn2_ = register_module("bn2", norm(options, Activation::none));
  if (options.stride != 1 || in != out) {
    shortcut_ = register_module("shortcut", conv(in, out, 1, options.stride, random));
  }
  add_ = register_module("add", std::make_shared<Add>(Activation::relu));
}

Variable BasicBlock::forward(const Variable& input) {
  const Variable residual = (*bn2_)((*conv2_)((*bn1_)((*conv1_)(input))));
  return (*add_)(residual, shortcut_ ? (*shortcut_)(input) : input);
}

}  // namespace quench::models
