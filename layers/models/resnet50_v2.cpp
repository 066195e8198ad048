#include "layers/models/resnet50_v2.h"

#include "layers/add.h"
#include "layers/models/resnet_stages.h"

namespace quench::models {
namespace {

class PreactBottleneck final : public Module {
 public:
  PreactBottleneck(const ResNetBlock& block, const ResNetOptions& options, Random& random) {
    const std::int64_t in = block.in_channels, out = block.channels * kBottleneckExpansion;
    preact_ = register_module("preact", make_norm(in, options.norm, Activation::relu));
    append_bottleneck(block, options, true, random,
                      [this](const std::string& name, std::shared_ptr<Module> part) {
                        branch_.push_back(register_module(name, std::move(part)));
                      });
    if (in != out) {
      projection_ = register_module("shortcut", make_conv({.in_channels = in,
                                                           .out_channels = out,
                                                           .kernel_size = 1,
                                                           .stride = block.stride,
                                                           .bias = true},
                                                          random));
    } else if (block.stride != 1) {
      subsample_ = register_module("shortcut", subsample(block.stride));
    }
    add_ = register_module("add", std::make_shared<Add>());
  }

 protected:
  Variable forward(const Variable& input) override {
    const Variable active = (*preact_)(input);
    Variable value = active;
    for (const auto& module : branch_) value = (*module)(value);
    return (*add_)(value, shortcut(input, active));
  }

 private:
  Variable shortcut(const Variable& input, const Variable& active) {
    if (projection_) return (*projection_)(active);
    return subsample_ ? (*subsample_)(input) : input;
  }

  std::shared_ptr<Module> preact_;
  std::vector<std::shared_ptr<Module>> branch_;
  std::shared_ptr<Module> projection_, subsample_;  // at most one of them
  std::shared_ptr<Add> add_;
};

}  // namespace

std::unique_ptr<Module> resnet50_v2(const ResNetOptions& options, Random& random) {
  const auto make = [&](const ResNetBlock& block) -> std::shared_ptr<Module> {
    return std::make_shared<PreactBottleneck>(block, options, random);
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
