#include "layers/models/source_names.h"

#include <doctest/doctest.h>

#include <array>
#include <map>

#include "layers/models/counts.h"

namespace quench::models {
namespace {

constexpr std::array kSteps{
    Rename{"conv1", "features.0.0"},
    Rename{"block{n}.dw", "features.{n+1}.conv.1"},
    Rename{"stage{s}.{b}", "blocks.{s-1}.{b}"},
    Rename{"blocks.{s}.{b}.expand", "blocks.{s}.{b}.conv_pw"},
};

TEST_CASE("source_name: numbers move, the rest of the name stays") {
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

TEST_CASE("model_sources: every tensor of a network has a name of its own in every source") {
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
}  // namespace quench::models
