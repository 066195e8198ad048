// Networks of integers that are exported and read again: the same codes, and the logits bit for bit.

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "deploy/deployed_checks.h"
#include "deploy/trained_network.h"
#include "onnx/export/export_integers.h"
#include "onnx/import/network.h"

using namespace quench;
using namespace quench::deploy;
using namespace quench::onnx;

namespace {

constexpr std::int64_t kSide = 16;

std::unique_ptr<layers::Module> read_back(const OnnxModel& model) {
  Random random(1, "initialization");
  auto network = make_onnx_network(model, "net.onnx", {3, kSide, kSide, 10}, {}, random);
  network->set_training(false);
  network->set_quantizer_mode(quant::Mode::evaluation);
  return network;
}

/// The importer's name for the exporter's name.
std::string module_name(std::string name) {
  std::ranges::replace(name, '.', '_');
  return name;
}

const Operation& operation(const IntegerNetwork& network, const std::string& name) {
  const auto found = std::ranges::find(network.operations, name, &Operation::name);
  REQUIRE_MESSAGE(found != network.operations.end(), name);
  return *found;
}

/// q - zero_point of the operation's input.
std::vector<int> codes_read(const IntegerNetwork& network, const Operation& of,
                            const Values& values) {
  const Value& value = network.values[of.inputs[0]];
  const auto bytes = values[of.inputs[0]].span<std::uint8_t>();
  std::vector<int> result;
  for (const std::uint8_t byte : bytes)
    result.push_back(byte + value.grid->qmin - value.grid->zero_point[0]);
  return result;
}

void check_same_codes(const IntegerNetwork& expected, const IntegerNetwork& actual,
                      const Tensor& images) {
  const Values a = interpret(expected, images), b = interpret(actual, images);
  int compared = 0;
  for (const Operation& of : expected.operations) {
    const auto* conv = std::get_if<Convolution>(&of.kind);
    if (conv == nullptr) continue;
    CAPTURE(of.name);
    const Operation& same = operation(actual, module_name(of.name));
    CHECK(std::get<Convolution>(same.kind).weight == conv->weight);
    CHECK(codes_read(expected, of, a) == codes_read(actual, same, b));
    ++compared;
  }
  CHECK(compared > 2);
  CHECK(testing::same_bits(logits_of(expected, a), logits_of(actual, b)));
}

void check(const testing::QuantizedCase& c) {
  const auto network = testing::trained_network(c);
  const IntegerNetwork integers = freeze(*network, {1, 3, kSide, kSide});
  const Tensor images = testing::random_tensor({2, 3, kSide, kSide}, 9);
  for (const OnnxExportOptions& options :
       {OnnxExportOptions{.scales = OnnxScales::sums},
        OnnxExportOptions{.scales = OnnxScales::operands},
        OnnxExportOptions{.quantizers = OnnxQuantizers::qonnx}}) {
    CAPTURE(c.method);
    CAPTURE(static_cast<int>(options.scales));
    CAPTURE(static_cast<int>(options.quantizers));
    const auto [model, expected, raised] = export_integers(integers, options);
    const auto again = read_back(model);
    const NoGradGuard no_grad;
    CHECK(testing::same_bits((*again)(Variable(images)).value(),
                             logits_of(expected, interpret(expected, images))));
    check_same_codes(expected, freeze(*again, {1, 3, kSide, kSide}), images);
  }
}

}  // namespace

TEST_CASE("read back: affine grids of 8 bits, sums and pools") {
  check({.model = "resnet20", .method = "affine"});
}

TEST_CASE("read back: grids of 4 bits, depthwise layers") {
  check({.model = "mobilenet_v2", .method = "lsq", .bits = 4});
}

TEST_CASE("read back: one bit after batch norms") {
  check({.model = "resnet20", .method = "ste", .bits = 1});
}
