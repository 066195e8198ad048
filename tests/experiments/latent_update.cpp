#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>

#include "train/optimizer.h"
#include "train/optimizer_fixture.h"

namespace quench::experiments {
namespace {

/// A weight slot whose step scale the test sets; it clips latents to [-clip, clip].
class SlotQuantizer final : public quant::Quantizer, quant::LatentUpdate {
 public:
  explicit SlotQuantizer(bool quantizes = true)
      : Quantizer({.role = quant::Role::weight, .slot = "test"}, {.quantizes = quantizes}) {}
  quant::QuantGrid grid() const override { return {}; }
  void observe(const Tensor&) override {}
  const quant::LatentUpdate* latent_update() const override { return this; }
  float step_scale() const override { return scale; }
  void project(Tensor& weight) const override {
    Tensor clipped(weight.shape());  // a new tensor: a strategy may write weight = map(weight, ...)
    std::ranges::transform(weight.span(), clipped.data(),
                           [this](float w) { return std::clamp(w, -clip, clip); });
    weight = clipped;
  }

  float scale = 1.0f;
  float clip = std::numeric_limits<float>::infinity();

 protected:
  Variable train_forward(const Variable& x) override { return x; }
};

struct VectorCase {
  nlohmann::json params, inputs, expect;
};

std::vector<VectorCase> read_vectors(const std::string& group, const std::string& op) {
  std::ifstream file(QUENCH_SOURCE_ROOT "/tests/vectors/" + group + ".json");
  const nlohmann::json vectors = nlohmann::json::parse(file);
  std::vector<VectorCase> found;
  for (const nlohmann::json& entry : vectors.at("cases")) {
    if (entry.at("op") == op) {
      found.push_back({entry.at("params"), entry.at("inputs"), entry.at("expect")});
    }
  }
  REQUIRE_FALSE(found.empty());
  return found;
}

std::vector<float> floats(const nlohmann::json& tensor) {
  return tensor.at("data").get<std::vector<float>>();
}

void check_near(const Tensor& actual, const float* expected, double tolerance) {
  for (std::int64_t i = 0; i < actual.numel(); ++i) {
    CAPTURE(i);
    CHECK(std::abs(actual.data()[i] - expected[i]) <= tolerance);
  }
}

TEST_CASE("AB: grad_scale and step_scale follow the vectors") {
  for (const VectorCase& vectors : read_vectors("ab_blend", "ab.optimizer_mode")) {
    const std::string method = vectors.params.at("optimizer");
    CAPTURE(method);
    const train::OptimizerOptions options{
        .name = method == "adam" ? "adam" : "sgd",
        .momentum = method == "momentum" ? vectors.params.at("momentum").get<float>() : 0.0f};
    const auto alpha = vectors.params.at("alpha").get<std::vector<double>>();
    const std::vector<float> gradients = floats(vectors.inputs.at("grad_wprime"));
    for (const bool scale_step : {false, true}) {
      CAPTURE(scale_step);
      const std::vector<float> path =
          floats(vectors.expect.at(scale_step ? "w_step_scale" : "w_grad_scale"));
      SlotQuantizer quantizer;
      Variable weight = train::leaf(floats(vectors.inputs.at("w0")));
      const auto optimizer = train::make_optimizer(
          options, {{"w", weight, layers::ParameterKind::weight, &quantizer}});
      for (std::size_t step = 0; step < alpha.size(); ++step) {
        const auto rest = static_cast<float>(1.0 - alpha[step]);
        Tensor grad =
            train::vector_of({gradients.begin() + static_cast<std::ptrdiff_t>(3 * step),
                              gradients.begin() + static_cast<std::ptrdiff_t>(3 * step + 3)});
        if (scale_step) quantizer.scale = rest;
        if (!scale_step) std::ranges::for_each(grad.span(), [rest](float& g) { g *= rest; });
        train::set_grad(weight, grad);
        optimizer->step(vectors.params.at("lr").get<float>());
        check_near(weight.value(), &path[3 * (step + 1)], 1e-6);
      }
    }
  }
}

TEST_CASE("at step_scale 0 a weight does not change, decay included, for every method") {
  for (train::OptimizerOptions options : train::kMethods) {
    CAPTURE(options.name);
    options.weight_decay = 0.5f;
    SlotQuantizer quantizer;
    quantizer.scale = 0.0f;
    Variable weight = train::leaf({0.3f, -0.7f});
    const auto optimizer =
        train::make_optimizer(options, {{"w", weight, layers::ParameterKind::weight, &quantizer}});
    for (int step = 0; step < 3; ++step) {
      train::set_grad(weight, train::vector_of({1.0f, -2.0f}));
      optimizer->step(0.1f);
    }
    CHECK(weight.value().to_row_major() == std::vector<float>{0.3f, -0.7f});
  }
}

TEST_CASE("glorot_lr_scale: the vectors' layers") {
  for (const VectorCase& vectors : read_vectors("bnn_ste", "bnn.glorot_lr_scale")) {
    const Shape shape(vectors.params.at("shape").get<std::vector<std::int64_t>>());
    CHECK(train::glorot_lr_scale(shape) ==
          doctest::Approx(vectors.expect.at("lr_scale").get<double>()).epsilon(1e-7));
  }
  CHECK_THROWS_AS(train::glorot_lr_scale({10}), std::invalid_argument);
}

TEST_CASE("latent update: the step is scaled, then clipped, and every handle sees it") {
  for (const VectorCase& vectors : read_vectors("bnn_ste", "bnn.latent_update")) {
    SlotQuantizer quantizer;
    quantizer.clip = 1.0f;
    quantizer.scale = vectors.params.at("lr_scale").get<float>();
    Variable weight = train::leaf(floats(vectors.inputs.at("w")));
    const Variable in_layer = weight;
    const std::uint64_t version = weight.value().version();
    // Plain descent at rate 1 makes the step -grad.
    const auto optimizer =
        train::make_optimizer({.name = "sgd", .momentum = 0.0},
                              {{"w", weight, layers::ParameterKind::weight, &quantizer}});
    std::vector<float> grad = floats(vectors.inputs.at("optimizer_delta"));
    for (float& g : grad) g = -g;
    train::set_grad(weight, train::vector_of(grad));
    optimizer->step(1.0f);
    check_near(in_layer.value(), floats(vectors.expect.at("w_next")).data(), 2e-7);
    CHECK(in_layer.value().version() > version);
  }
}

TEST_CASE("glorot_scale: lengthens the steps of quantized weights only") {
  // fans 4 + 2: k = sqrt(6 / 1.5) = 2
  SlotQuantizer quantizer, none(false);
  std::vector<layers::Parameter> parameters;
  for (auto& [name, slot] : std::vector<std::pair<std::string, quant::Quantizer*>>{
           {"quantized", &quantizer}, {"slot with none", &none}, {"no slot", nullptr}}) {
    parameters.push_back(
        {name, Variable(Tensor::full({2, 4}, 0.0f), true), layers::ParameterKind::weight, slot});
  }
  const auto optimizer =
      train::make_optimizer({.name = "sgd", .momentum = 0.0, .glorot_scale = true}, parameters);
  for (layers::Parameter& parameter : parameters)
    train::set_grad(parameter.value, Tensor::full({2, 4}, 1.0f));
  optimizer->step(0.25f);
  CHECK(parameters[0].value.value().data()[7] == -0.5f);
  CHECK(parameters[1].value.value().data()[7] == -0.25f);
  CHECK(parameters[2].value.value().data()[7] == -0.25f);
}

}  // namespace
}  // namespace quench::experiments
