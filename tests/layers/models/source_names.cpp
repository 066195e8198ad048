#include "layers/models/source_names.h"

#include <doctest/doctest.h>

#include <array>
#include <map>
#include <string>

#include "layers/models/counts.h"

namespace quench::layers::models {
namespace {

constexpr std::array kSteps{
    Rename{"conv1", "features.0.0"},
    Rename{"block{n}.dw", "features.{n+1}.conv.1"},
    Rename{"stage{s}.{b}", "blocks.{s-1}.{b}"},
    Rename{"blocks.{s}.{b}.expand", "blocks.{s}.{b}.conv_pw"},
};

TEST_CASE("source_name: numbers are mapped, the rest of the name stays") {
  const SourceNames names{"test", kSteps};
  CHECK(source_name(names, "conv1.weight") == "features.0.0.weight");
  CHECK(source_name(names, "block9.dw.bias") == "features.10.conv.1.bias");
  CHECK(source_name(names, "fc.weight") == "fc.weight");
}

TEST_CASE("source_name: steps build on each other") {
  CHECK(source_name({"test", kSteps}, "stage3.12.expand.running_mean") ==
        "blocks.2.12.conv_pw.running_mean");
}

TEST_CASE("source_name: only whole words from the beginning match") {
  const SourceNames names{"test", kSteps};
  CHECK(source_name(names, "conv10.weight") == "conv10.weight");
  CHECK(source_name(names, "layer.conv1.weight") == "layer.conv1.weight");
  CHECK(source_name(names, "blockx.dw.weight") == "blockx.dw.weight");
  CHECK(source_name(names, "block1.dwx") == "block1.dwx");
  CHECK(source_name(names, "block1") == "block1");
}

TEST_CASE("model_sources: names in the projects' files") {
  struct Known {
    const char* model;
    std::size_t source;
    const char* name;
    const char* expected;
  };
  for (const Known& known : {
           Known{"resnet50", 0, "layer2.0.shortcut.bn.bias", "layer2.0.downsample.1.bias"},
           Known{"resnet18", 0, "layer4.1.conv2.weight", "layer4.1.conv2.weight"},
           Known{"mobilenet_v1", 0, "block13.pw.bn.bias", "blocks.4.1.bn2.bias"},
           Known{"mobilenet_v1", 0, "block1.dw.conv.weight", "blocks.0.0.conv_dw.weight"},
           Known{"mobilenet_v2", 0, "block0.project.conv.weight", "features.1.conv.1.weight"},
           Known{"mobilenet_v2", 0, "block16.project.bn.weight", "features.17.conv.3.weight"},
           Known{"mobilenet_v2", 0, "block1.dw.bn.running_var", "features.2.conv.1.1.running_var"},
           Known{"mobilenet_v2", 0, "conv_last.conv.weight", "features.18.0.weight"},
           Known{"mobilenet_v2", 0, "fc.bias", "classifier.1.bias"},
           Known{"mobilenet_v2", 1, "block0.project.conv.weight", "blocks.0.0.conv_pw.weight"},
           Known{"mobilenet_v2", 1, "block15.project.bn.bias", "blocks.5.2.bn3.bias"},
           Known{"mobilenet_v2", 1, "conv_last.bn.bias", "bn2.bias"},
           Known{"mnasnet", 0, "block0.project.bn.bias", "layers.7.bias"},
           Known{"mnasnet", 0, "block16.dw.conv.weight", "layers.13.0.layers.3.weight"},
           Known{"mnasnet", 1, "block11.expand.conv.weight", "blocks.4.1.conv_pw.weight"},
       }) {
    CHECK(source_name(model_sources(known.model)[known.source], known.name) == known.expected);
  }
}

TEST_CASE("model_sources: every model has its own names, and another project's come before them") {
  for (const ModelInfo& info : registered_models()) {
    INFO(info.name);
    CHECK(std::string(model_sources(info.name).back().source) == "quench");
  }
  CHECK(std::string(model_sources("resnet20").front().source) ==
        "akamaster/pytorch_resnet_cifar10");
}

TEST_CASE("model_sources: every tensor of a network has a unique name in every source") {
  for (const ModelInfo& info : registered_models()) {
    const auto network = testing::build_model(info.name, {}, {});
    for (const SourceNames& source : model_sources(info.name)) {
      std::map<std::string, std::string> taken;
      const auto check = [&](const std::string& name) {
        const auto [other, fresh] = taken.emplace(source_name(source, name), name);
        INFO(info.name, " ", source.source, ": ", name, " and ", other->second);
        CHECK(fresh);
      };
      for (const Parameter& parameter : network->parameters()) check(parameter.name);
      for (const Buffer& buffer : network->buffers()) check(buffer.name);
    }
  }
}

}  // namespace
}  // namespace quench::layers::models
