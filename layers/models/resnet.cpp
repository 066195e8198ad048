#include "layers/models/resnet.h"

#include "layers/models/basic_block.h"
#include "layers/models/resnet_stages.h"

namespace quench::models {
namespace {

constexpr ResNetStages kStages18{{{64, 2}, {128, 2}, {256, 2}, {512, 2}}};

std::shared_ptr<Module> bottleneck(const ResNetBlock& block, const ResNetOptions& options,
                                   Random& random) {
  const std::int64_t in = block.in_channels, out = block.channels * kBottleneckExpansion;
  auto result = std::make_shared<Residual>();
  append_bottleneck(block, options, false, random,
                    [&](const std::string& name, std::shared_ptr<Module> part) {
                      result->append(name, std::move(part));
                    });
  result->append("bn3", make_norm(out, options.norm));
  if (in != out) {
    const ConvSpec projection{
        .in_channels = in, .out_channels = out, .kernel_size = 1, .stride = block.stride};
    result->set_shortcut("shortcut", conv_norm(projection, options.norm, Activation::none, random));
  } else if (block.stride != 1) {
    result->set_shortcut("shortcut", subsample(block.stride));
  }
  result->join(Activation::relu);
  return result;
}

std::unique_ptr<Module> build(const ResNetOptions& options, const ResNetStages& stages,
                              std::int64_t expansion, StrideStyle style, const MakeBlock& make,
                              Random& random) {
  auto network = std::make_unique<Sequential>();
  network->append("conv1", make_stem(options, false, random));
  network->append("bn1", make_norm(kResNetStem, options.norm, Activation::relu));
  append_stem_pool(*network, options);
  append_classifier(*network, "fc", append_stages(*network, stages, expansion, style, make),
                    options.input.classes, random);
  return network;
}

}  // namespace

std::unique_ptr<Module> resnet18(const ResNetOptions& options, Random& random) {
  const auto make = [&](const ResNetBlock& block) -> std::shared_ptr<Module> {
    return basic_block({.in_channels = block.in_channels,
                        .out_channels = block.channels,
                        .stride = block.stride,
                        .shortcut = Shortcut::conv_norm,
                        .norm = options.norm},
                       random);
  };
  return build(options, kStages18, 1, StrideStyle::v1, make, random);
}

std::unique_ptr<Module> resnet50(const ResNetOptions& options, Random& random) {
  const auto make = [&](const ResNetBlock& block) { return bottleneck(block, options, random); };
  return build(options, kStages50, kBottleneckExpansion, options.stride_style, make, random);
}

ResNetOptions read_resnet_options(const Settings& settings, const ModelInput& input,
                                  bool bottlenecks) {
  ResNetOptions options{.input = input, .small_images = read_small_images(settings, input)};
  if (bottlenecks) {
    const std::string style = settings.choice("stride_style", "v15", {"v15", "v1", "slim"});
    options.stride_style = style == "slim" ? StrideStyle::slim
                           : style == "v1" ? StrideStyle::v1
                                           : StrideStyle::v15;
    if (options.stride_style == StrideStyle::slim) options.norm.momentum = 0.003f;
  }
  options.norm = read_norm_options(settings, options.norm);
  return options;
}

std::unique_ptr<Module> make_resnet18(Settings& settings, const ModelInput& input, Random& random) {
  return resnet18(read_resnet_options(settings, input, false), random);
}

std::unique_ptr<Module> make_resnet50(Settings& settings, const ModelInput& input, Random& random) {
  return resnet50(read_resnet_options(settings, input, true), random);
}

}  // namespace quench::models
