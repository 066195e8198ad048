// Small graphs of every kind that was once computed wrong or refused without need (tests/onnx/faults), each
// with images and what ONNX Runtime makes of them: their network computes the same, or is refused with a
// reason.

#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "onnx/file/read.h"
#include "onnx/import/network.h"
#include "support/file.h"

using namespace quench;

namespace {

/// What quench has no integers for, or what is no network's logits: part of the message.
const std::map<std::string, std::string> kRefused{
    {"1_conv_cast_to_bool_cast_to_float", "to: expected floats"},
    {"1_conv_cast_to_int32_cast_to_float", "to: expected floats"},
    {"1_conv_cast_to_int64_cast_to_float", "to: expected floats"},
    {"1_conv_cast_to_int8_cast_to_float", "to: expected floats"},
    {"8_logsoftmax_over_the_batch_axis_0", "axis: expected that of the classes"},
    {"8_pad_ends_the_network", "expected an output [N, classes]"},
    {"8_softmax_of_n_c_1_1_opset_13_default_axis_all_ones", "axis: expected that of the classes"},
    {"8_softmax_over_the_batch_axis_0", "axis: expected that of the classes"},
    {"11_exp", "does not build: Exp"},
    {"11_floor", "does not build: Floor"},
    {"11_sqrt", "does not build: Sqrt"},
};

/// What quench does not build yet.
const std::set<std::string> kNotBuilt{
    "10_mean_image_1_c_h_w_matlab_caffe",
    "11_elu",
    "11_globalmaxpool",
    "11_lrn",
    "11_max",
    "11_min",
    "11_neg",
    "11_prelu",
    "11_selu",
    "11_softplus",
    "11_sum",
    "11_tanh",
    "3_chunk_2_1_message_blames_an_add",
    "6_0_0",
    "6_1_a",
    "6_a_b",
    "6_flatten_2_mean_1",
    "6_mean_3_mean_2",
    "6_se_x_y_expand_as_x",
    "6_sum_2_3_196",
    "6_torch_split_res2net",
    "6_x_4_ghostnet_dpn_shufflenet",
    "7_adaptive_max_pool2d_x_1_of_30x30",
};

std::filesystem::path folder() {
  return std::filesystem::path(QUENCH_SOURCE_ROOT) / "tests" / "onnx" / "faults";
}

struct Numbers {
  std::vector<std::int64_t> dims;
  std::vector<float> values;
};

Numbers numbers_of(const nlohmann::json& json) {
  return {json.at("shape").get<std::vector<std::int64_t>>(),
          json.at("data").get<std::vector<float>>()};
}

/// Row-major as the graph has them, which may be channels last.
Tensor images_of(const Numbers& x, const models::ModelInput& input) {
  const Shape shape{x.dims[0], input.channels, input.height, input.width};
  if (x.dims[1] == input.channels && x.dims[2] == input.height)
    return Tensor::from_row_major(shape, x.values);
  Tensor images(shape);
  std::ranges::copy(x.values, images.span().begin());
  return images;
}

/// What the network of the graph computes.
std::vector<float> logits_of(const OnnxModel& model, const std::string& name, const Numbers& x) {
  const models::ModelInput input = onnx_model_input(model, name);
  Random random(1, "initialization");
  const auto network = make_onnx_network(model, name, input, {}, random);
  network->set_training(false);
  const NoGradGuard no_grad;
  const Tensor logits = (*network)(Variable(images_of(x, input))).value();
  return {logits.span().begin(), logits.span().end()};
}

/// Why the graph is refused; empty if it is not.
std::string refusal_of(const std::filesystem::path& path) {
  try {
    const OnnxModel model = read_onnx(path);
    const models::ModelInput input = onnx_model_input(model, path.stem());
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
  const std::vector<std::byte> text = read_file(beside.replace_extension(".json"));
  const nlohmann::json json =
      nlohmann::json::parse(reinterpret_cast<const char*>(text.data()),
                            reinterpret_cast<const char*>(text.data()) + text.size());
  const Numbers expected = numbers_of(json.at("y"));
  std::vector<float> logits;
  try {
    logits = logits_of(read_onnx(path), path.stem(), numbers_of(json.at("x")));
  } catch (const std::runtime_error& error) {
    FAIL_CHECK(std::string(error.what()));
    return;
  }
  REQUIRE(logits.size() == expected.values.size());
  float largest = 1.0f;
  for (const float value : expected.values) largest = std::max(largest, std::abs(value));
  for (std::size_t i = 0; i < logits.size(); ++i)
    CHECK(std::abs(logits[i] - expected.values[i]) <= 1e-5f * largest);
}

}  // namespace

TEST_CASE("onnx faults: right, or refused with a reason") {
  int graphs = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder())) {
    if (entry.path().extension() != ".onnx") continue;
    const std::string name = entry.path().stem();
    CAPTURE(name);
    ++graphs;
    if (kNotBuilt.contains(name)) {
      CHECK(refusal_of(entry.path()) != "");
    } else if (const auto refused = kRefused.find(name); refused != kRefused.end()) {
      const std::string message = refusal_of(entry.path());
      CAPTURE(message);
      CHECK(message.find(refused->second) != std::string::npos);
    } else {
      check_values(entry.path());
    }
  }
  CHECK(graphs == 67);
}
