#include "onnx/export/fused_convolutions.h"

#include <doctest/doctest.h>

#include "deploy/freeze.h"
#include "deploy/trained_network.h"
#include "onnx/export/export_integers.h"

using namespace quench;
using namespace quench::deploy;
using namespace quench::onnx;

// The test `onnx_runtime` of the suite interop checks that a runtime fuses the convolutions counted here.

namespace {

/// A graph with one convolution, between a QuantizeLinear and the part that the case changes.
OnnxModel one_convolution() {
  OnnxModel model;
  model.nodes = {{"QuantizeLinear", {"images", "s", "z"}, "codes", {}},
                 {"DequantizeLinear", {"codes", "s", "z"}, "x", {}},
                 {"DequantizeLinear", {"w", "s", "z"}, "weight", {}},
                 {"Conv", {"x", "weight", "bias"}, "y", {}},
                 {"QuantizeLinear", {"y", "s", "z"}, "out", {}}};
  return model;
}

bool fuses(const OnnxModel& model) {
  const auto [fused, others] = fused_convolutions(model);
  CHECK(fused.size() + others.size() == 1);
  return !fused.empty();
}

/// The convolutions whose sums become codes of one grid.
std::vector<std::string> to_one_grid(const IntegerNetwork& network) {
  std::vector<std::string> names;
  for (const Operation& operation : network.operations) {
    const bool one =
        operation.outputs.size() == 1 && network.values[operation.outputs[0].value].grid;
    if (one && std::holds_alternative<Convolution>(operation.kind)) names.push_back(operation.name);
  }
  return names;
}

}  // namespace

TEST_CASE("fused_convolutions: one between DequantizeLinear and QuantizeLinear") {
  OnnxModel model = one_convolution();
  CHECK(fuses(model));
  model.nodes[4].inputs[0] = "relu";
  model.nodes.insert(model.nodes.begin() + 4, {"Relu", {"y"}, "relu", {}});
  CHECK(!fuses(model));
  model = one_convolution();
  model.nodes[3].inputs[0] = "images";
  CHECK(!fuses(model));
  model = one_convolution();
  model.nodes.push_back({"QuantizeLinear", {"y", "t", "z"}, "other", {}});
  CHECK(!fuses(model));
}

TEST_CASE("fused_convolutions: with scales in operands, all whose sums become codes of one grid") {
  for (const char* model : {"resnet8", "mobilenet_v1", "mobilenet_v2"}) {
    for (const auto& [method, bits] : {std::pair{"symmetric", 8}, {"lsq", 4}, {"tqt", 8}}) {
      CAPTURE(model);
      CAPTURE(method);
      const auto network =
          testing::trained_network({.model = model, .method = method, .bits = bits});
      const IntegerNetwork integers = freeze(*network, {1, 3, 16, 16});
      CHECK(fused_convolutions(export_integers(integers, {}).model).fused == to_one_grid(integers));
      const OnnxModel sums = export_integers(integers, {.scales = OnnxScales::sums}).model;
      CHECK(fused_convolutions(sums).fused.empty());
    }
  }
}
