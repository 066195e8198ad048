#include "layers/models/resnet.h"

#include <functional>
#include <string>

#include "layers/arithmetic.h"
#include "layers/composite.h"
#include "layers/models/blocks.h"
#include "layers/pool.h"

namespace quench::layers::models {
namespace {

/// A row of the networks' table.
struct ResNetStage {
  std::int64_t channels;  ///< inside its blocks
  int blocks;
};
using ResNetStages = std::array<ResNetStage, 4>;
constexpr ResNetStages kStages18{{{64, 2}, {128, 2}, {256, 2}, {512, 2}}};
constexpr ResNetStages kStages50{{{64, 3}, {128, 4}, {256, 6}, {512, 3}}};
constexpr std::int64_t kBottleneckExpansion = 4;

/// One block, as its stage defines it.
struct ResNetBlock {
  std::int64_t in_channels = 0;
  std::int64_t channels = 0;
  int stride = 1;
};
using MakeBlock = std::function<std::shared_ptr<Module>(const ResNetBlock&)>;

constexpr std::int64_t kResNetStem = 64;
using AppendPart = std::function<void(const std::string& name, std::shared_ptr<Module> part)>;

int stride_of(StrideStyle style, std::size_t stage, int block, int blocks) {
  const bool strided = style == StrideStyle::slim
                           ? stage + 1 < std::tuple_size_v<ResNetStages> && block == blocks - 1
                           : stage > 0 && block == 0;
  return strided ? 2 : 1;
}

/// Appends "layer1" to "layer4" and returns the last one's channels.
std::int64_t append_stages(Sequential& network, const ResNetStages& stages, std::int64_t expansion,
                           StrideStyle style, const MakeBlock& make) {
  std::int64_t channels = kResNetStem;
  for (std::size_t s = 0; s < stages.size(); ++s) {
    const auto stage =
        network.append("layer" + std::to_string(s + 1), std::make_shared<Sequential>());
    for (int b = 0; b < stages[s].blocks; ++b) {
      stage->append(std::to_string(b), make({.in_channels = channels,
                                             .channels = stages[s].channels,
                                             .stride = stride_of(style, s, b, stages[s].blocks)}));
      channels = stages[s].channels * expansion;
    }
  }
  return channels;
}

/// The first convolution: 7x7 with stride 2, or 3x3 for small images.
std::shared_ptr<Conv2d> make_stem(const ResNetOptions& options, bool bias, Random& random) {
  const int kernel_size = options.small_images ? 3 : 7;
  return make_conv({.in_channels = options.input.channels,
                    .out_channels = kResNetStem,
                    .kernel_size = kernel_size,
                    .stride = options.small_images ? 1 : 2,
                    .padding = symmetric_padding(kernel_size),
                    .bias = bias},
                   random);
}

/// The max pool after it; not for small images.
void append_stem_pool(Sequential& network, const ResNetOptions& options) {
  if (options.small_images) return;
  const Padding padding = options.stride_style == StrideStyle::slim
                              ? same_padding(3, 2, same_size(options.input.height, 2),
                                             same_size(options.input.width, 2))
                              : symmetric_padding(3);
  network.append("maxpool", std::make_shared<MaxPool2d>(
                                Window2d{.kernel = {3, 3}, .stride = {2, 2}, .padding = padding}));
}

/// The branch of a bottleneck up to its last convolution: "conv1" to "conv3", of size 1x1, 3x3 and
/// 1x1, with batch norms between them (He et al. 2015, fig. 5).
/// @param bias  whether conv3 has a bias
void append_bottleneck(const ResNetBlock& block, const ResNetOptions& options, bool bias,
                       Random& random, const AppendPart& append) {
  const bool first = options.stride_style == StrideStyle::v1;
  append("conv1", make_conv({.in_channels = block.in_channels,
                             .out_channels = block.channels,
                             .kernel_size = 1,
                             .stride = first ? block.stride : 1},
                            random));
  append("bn1", make_norm(block.channels, options.norm, Activation::relu));
  append("conv2", make_conv({.in_channels = block.channels,
                             .out_channels = block.channels,
                             .stride = first ? 1 : block.stride,
                             .padding = symmetric_padding(3)},
                            random));
  append("bn2", make_norm(block.channels, options.norm, Activation::relu));
  append("conv3", make_conv({.in_channels = block.channels,
                             .out_channels = block.channels * kBottleneckExpansion,
                             .kernel_size = 1,
                             .bias = bias},
                            random));
}

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

std::shared_ptr<Module> preact_bottleneck(const ResNetBlock& block, const ResNetOptions& options,
                                          Random& random) {
  const std::int64_t in = block.in_channels, out = block.channels * kBottleneckExpansion;
  auto result = std::make_shared<Composite>();
  const ValueId active =
      result->append("preact", make_norm(in, options.norm, Activation::relu), {Graph::kInput});
  ValueId branch = active;
  append_bottleneck(block, options, true, random,
                    [&](const std::string& name, std::shared_ptr<Module> part) {
                      branch = result->append(name, std::move(part), {branch});
                    });
  ValueId shortcut = Graph::kInput;
  if (in != out) {
    shortcut = result->append("shortcut",
                              make_conv({.in_channels = in,
                                         .out_channels = out,
                                         .kernel_size = 1,
                                         .stride = block.stride,
                                         .bias = true},
                                        random),
                              {active});
  } else if (block.stride != 1) {
    shortcut = result->append("shortcut", subsample(block.stride), {Graph::kInput});
  }
  result->set_output(result->append("add", std::make_shared<Add>(), {branch, shortcut}));
  return result;
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
    const std::string style = settings.choice(
        {"stride_style", "where a stage halves the image: torchvision, He et al., tf-slim"}, "v15",
        {"v15", "v1", "slim"});
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

std::unique_ptr<Module> resnet50_v2(const ResNetOptions& options, Random& random) {
  const auto make = [&](const ResNetBlock& block) {
    return preact_bottleneck(block, options, random);
  };
  auto network = std::make_unique<Sequential>();
  network->append("conv1", make_stem(options, true, random));
  append_stem_pool(*network, options);
  const std::int64_t channels =
      append_stages(*network, kStages50, kBottleneckExpansion, options.stride_style, make);
  network->append("postnorm", make_norm(channels, options.norm, Activation::relu));
  append_classifier(*network, "fc", channels, options.input.classes, random);
  return network;
}

std::unique_ptr<Module> make_resnet50_v2(Settings& settings, const ModelInput& input,
                                         Random& random) {
  return resnet50_v2(read_resnet_options(settings, input, true), random);
}

}  // namespace quench::layers::models
