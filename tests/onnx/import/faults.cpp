// Small graphs of every kind that was once computed wrong or rejected needlessly (tests/onnx/faults), each
// with images and the outputs of ONNX Runtime: their network computes the same, or is rejected with a
// reason.

#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "onnx/file/read.h"
#include "onnx/import/network.h"
#include "support/file.h"

using namespace quench;

namespace {

/// Graphs without an integer form, or whose output is not logits: part of the message.
const std::map<std::string, std::string> kRefused{
    {"1_conv_cast_to_bool_cast_to_float", "to: expected floats"},
    {"1_conv_cast_to_int32_cast_to_float", "to: expected floats"},
    {"1_conv_cast_to_int64_cast_to_float", "to: expected floats"},
    {"1_conv_cast_to_int8_cast_to_float", "to: expected floats"},
    {"8_logsoftmax_over_the_batch_axis_0", "axis: expected the classes"},
    {"8_pad_ends_the_network", "expected an output [N, classes]"},
    {"8_softmax_of_n_c_1_1_opset_13_default_axis_all_ones", "axis: expected the classes"},
    {"8_softmax_over_the_batch_axis_0", "axis: expected the classes"},
};

std::filesystem::path folder() {
  return std::filesystem::path(QUENCH_SOURCE_ROOT) / "tests" / "onnx" / "faults";
}

struct Numbers {
  std::vector<std::int64_t> dims;
  std::vector<float> values;
};

Numbers numbers_of(const nlohmann::json& json) {
  Numbers result{json.at("shape").get<std::vector<std::int64_t>>(), {}};
  for (const nlohmann::json& value : json.at("data"))
    result.values.push_back(value.is_null() ? NAN : value.get<float>());
  return result;
}

/// A file of numbers; NaN, which JSON lacks, is null.
nlohmann::json read_numbers(const std::filesystem::path& path) {
  const std::vector<std::byte> bytes = read_file(path);
  std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const std::string nan = "NaN";
  for (std::size_t at = 0; (at = text.find(nan, at)) != std::string::npos;)
    text.replace(at, nan.size(), "null");
  return nlohmann::json::parse(text);
}

/// Row-major in the graph's order, which may be channels last.
Tensor images_of(const Numbers& x, const layers::models::ModelInput& input) {
  const Shape shape{x.dims[0], input.channels, input.height, input.width};
  if (x.dims[1] == input.channels && x.dims[2] == input.height)
    return Tensor::from_row_major(shape, x.values);
  Tensor images(shape);
  std::ranges::copy(x.values, images.span().begin());
  return images;
}

/// The output of the graph's network.
std::vector<float> logits_of(const quench::onnx::OnnxModel& model, const std::string& name,
                             const Numbers& x) {
  const layers::models::ModelInput input = quench::onnx::onnx_model_input(model, name);
  Random random(1, "initialization");
  const auto network = quench::onnx::make_onnx_network(model, name, input, {}, random);
  network->set_training(false);
  const NoGradGuard no_grad;
  const Tensor logits = (*network)(Variable(images_of(x, input))).value();
  return {logits.span().begin(), logits.span().end()};
}

/// The reason why the graph is rejected; empty if it is not.
std::string refusal_of(const std::filesystem::path& path) {
  try {
    const quench::onnx::OnnxModel model = quench::onnx::read_onnx(path);
    const layers::models::ModelInput input = quench::onnx::onnx_model_input(model, path.stem());
    const Shape shape{1, input.channels, input.height, input.width};
    const std::vector<float> zeros(static_cast<std::size_t>(shape.numel()));
    logits_of(model, path.stem(), {{shape.sizes().begin(), shape.sizes().end()}, zeros});
  } catch (const std::exception& error) {
    return error.what();
  }
  return "";
}

void check_values(const std::filesystem::path& path) {
  std::filesystem::path beside = path;
  const nlohmann::json json = read_numbers(beside.replace_extension(".json"));
  const Numbers expected = numbers_of(json.at("y"));
  std::vector<float> logits;
  try {
    logits = logits_of(quench::onnx::read_onnx(path), path.stem(), numbers_of(json.at("x")));
  } catch (const std::runtime_error& error) {
    FAIL_CHECK(std::string(error.what()));
    return;
  }
  REQUIRE(logits.size() == expected.values.size());
  float largest = 1.0f;
  for (const float value : expected.values) largest = std::max(largest, std::abs(value));
  for (std::size_t i = 0; i < logits.size(); ++i) {
    const float distance = std::abs(logits[i] - expected.values[i]);
    CHECK((std::isnan(expected.values[i]) ? std::isnan(logits[i]) : distance <= 1e-5f * largest));
  }
}

}  // namespace

TEST_CASE("onnx faults: correct, or rejected with a reason") {
  int graphs = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder())) {
    if (entry.path().extension() != ".onnx") continue;
    const std::string name = entry.path().stem();
    CAPTURE(name);
    ++graphs;
    if (const auto refused = kRefused.find(name); refused != kRefused.end()) {
      const std::string message = refusal_of(entry.path());
      CAPTURE(message);
      CHECK(message.find(refused->second) != std::string::npos);
    } else {
      check_values(entry.path());
    }
  }
  CHECK(graphs == 67);
}
