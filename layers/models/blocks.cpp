#include "layers/models/blocks.h"

#include "layers/linear.h"
#include "layers/pool.h"
#include "layers/shape_layers.h"

namespace quench::layers::models {
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

NormOptions read_norm_options(const Settings& settings, const NormOptions& fallback) {
  const auto number = [&settings](const SettingKey& key, float value) {
    return static_cast<float>(settings.number(key, static_cast<double>(value), above(0.0, 1.0)));
  };
  return {.eps = number({"bn_eps", "batch norm: added to the variance"}, fallback.eps),
          .momentum = number(
              {"bn_momentum", "batch norm: weight of the new batch in the running statistics"},
              fallback.momentum)};
}

std::shared_ptr<Conv2d> make_conv(const ConvSpec& spec, Random& random) {
  return std::make_shared<Conv2d>(
      Conv2dOptions{.in_channels = spec.in_channels,
                    .out_channels = spec.out_channels,
                    .kernel_size = {spec.kernel_size, spec.kernel_size},
                    .params = {.stride = {spec.stride, spec.stride},
                               .padding = spec.padding,
                               .groups = spec.depthwise ? static_cast<int>(spec.in_channels) : 1},
                    .bias = spec.bias},
      random);
}

std::shared_ptr<BatchNorm> make_norm(std::int64_t channels, const NormOptions& norm,
                                     Activation activation) {
  return std::make_shared<BatchNorm>(
      channels,
      BatchNormParams{.eps = norm.eps, .momentum = norm.momentum, .activation = activation});
}

std::shared_ptr<Sequential> conv_norm(const ConvSpec& spec, const NormOptions& norm,
                                      Activation activation, Random& random) {
  auto result = std::make_shared<Sequential>();
  result->append("conv", make_conv(spec, random));
  result->append("bn", make_norm(spec.out_channels, norm, activation));
  return result;
}

std::shared_ptr<Module> subsample(int stride) {
  return std::make_shared<MaxPool2d>(Window2d{.stride = {stride, stride}});
}

void append_classifier(Sequential& network, const std::string& name, std::int64_t channels,
                       std::int64_t classes, Random& random) {
  network.append("pool", std::make_shared<GlobalAveragePool>());
  network.append(
      name,
      std::make_shared<Linear>(
          LinearOptions{.in_features = channels, .out_features = classes, .bias = true}, random));
}

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

}  // namespace quench::layers::models
