#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>

#include "layers/graph.h"
#include "layers/models/registry.h"

// Published counts of a network.
namespace quench::testing {

inline std::unique_ptr<layers::Module> build_model(const std::string& name, Settings settings,
                                                   const layers::models::ModelInput& input) {
  Random random(1, "test");
  auto network = layers::models::make_model(name, settings, input, random);
  settings.finish();
  return network;
}

inline std::int64_t parameter_count(layers::Module& network) {
  std::int64_t count = 0;
  for (const layers::Parameter& parameter : network.parameters())
    count += parameter.value.value().numel();
  return count;
}

inline std::int64_t count_of(layers::Module& network, layers::ParameterKind kind) {
  std::int64_t count = 0;
  for (const layers::Parameter& parameter : network.parameters())
    if (parameter.kind == kind) count += parameter.value.value().numel();
  return count;
}

inline std::int64_t total_macs(const std::vector<layers::LayerTrace>& layers) {
  std::int64_t macs = 0;
  for (const layers::LayerTrace& layer : layers) macs += layer.macs;
  return macs;
}

/// The output shape of a layer, by name; no shape if it does not exist.
inline Shape output_of(const std::vector<layers::LayerTrace>& layers, const std::string& name) {
  const auto found = std::ranges::find(layers, name, &layers::LayerTrace::name);
  return found == layers.end() ? Shape{} : found->output;
}

}  // namespace quench::testing
