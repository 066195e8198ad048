#include "layers/models/resnet50_v2.h"

#include "layers/arithmetic.h"
#include "layers/composite.h"
#include "layers/models/resnet_stages.h"

namespace quench::models {
namespace {

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

}  // namespace quench::models
