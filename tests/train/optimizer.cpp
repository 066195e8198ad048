#include "train/optimizer.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <utility>

#include "autograd/node.h"
#include "core/parallel.h"
#include "core/random.h"

namespace quench::train {
namespace {

/// A weight slot whose step scale the test sets; it clips latents to [-clip, clip].
class SlotQuantizer final : public quant::Quantizer {
 public:
  SlotQuantizer() : Quantizer({.role = quant::Role::weight, .slot = "test", .settings = nullptr}) {}
  quant::QuantGrid grid() const override { return {}; }
  void observe(const Tensor&) override {}
  bool quantizes() const override { return quantizing; }
  float step_scale() const override { return scale; }
  void project_latent(Tensor& weight) const override {
    Tensor clipped(weight.shape());  // a new tensor: a strategy may write weight = map(weight, ...)
    std::ranges::transform(weight.span(), clipped.data(),
                           [this](float w) { return std::clamp(w, -clip, clip); });
    weight = clipped;
  }

  float scale = 1.0f;
  float clip = std::numeric_limits<float>::infinity();
  bool quantizing = true;

 protected:
  Variable train_forward(const Variable& x) override { return x; }
};

/// Leaves `grad` as the gradient of `parameter`, as backward would.
void set_grad(Variable& parameter, const Tensor& grad) {
  struct Constant final : Node {
    Tensor grad;
    explicit Constant(Tensor grad_in) : grad(std::move(grad_in)) {}
    std::string_view name() const override { return "constant"; }
    std::vector<Tensor> backward(const Tensor&) const override { return {grad}; }
  };
  parameter.zero_grad();
  record<Constant>({parameter}, Tensor::scalar(0.0f), grad.clone()).backward();
}

Variable leaf(const std::vector<float>& values) {
  return Variable(Tensor::from_row_major<float>({static_cast<std::int64_t>(values.size())}, values),
                  true);
}

Tensor vector_of(const std::vector<float>& values) { return leaf(values).value(); }

Tensor random_tensor(Shape shape, Random& random) {
  Tensor out(shape);
  for (float& value : out.span()) value = random.normal();
  return out;
}

/// torch.optim.SGD, Adam and AdamW, written in double after PyTorch's documentation.
struct Reference {
  OptimizerOptions options;
  double w, m = 0.0, v = 0.0;
  int t = 0;

  void step(double g, double lr, double decay) {
    ++t;
    if (options.name == "sgd") return sgd(g + decay * w, lr);
    if (options.name == "adam") g += decay * w;
    if (options.name == "adamw") w -= lr * decay * w;
    const double beta1 = options.beta1, beta2 = options.beta2;
    m = beta1 * m + (1.0 - beta1) * g;
    v = beta2 * v + (1.0 - beta2) * g * g;
    const double m_hat = m / (1.0 - std::pow(beta1, t)), v_hat = v / (1.0 - std::pow(beta2, t));
    w -= lr * m_hat / (std::sqrt(v_hat) + options.eps);
  }

  void sgd(double g, double lr) {
    const double momentum = options.momentum;
    m = t > 1 ? momentum * m + g : g;
    const double direction = momentum == 0.0 ? g : options.nesterov ? g + momentum * m : m;
    w -= lr * direction;
  }
};

const std::vector<OptimizerOptions> kMethods = {
    {.name = "sgd"},
    {.name = "sgd", .weight_decay = 0.1f},
    {.name = "sgd", .momentum = 0.9f, .weight_decay = 0.1f},
    {.name = "sgd", .momentum = 0.9f, .nesterov = true, .weight_decay = 0.1f},
    {.name = "adam", .weight_decay = 0.1f},
    {.name = "adamw", .weight_decay = 0.1f},
    {.name = "adam", .beta1 = 0.5f, .beta2 = 0.9f, .eps = 1e-3f},
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

TEST_CASE("every method follows PyTorch's formulas over a hundred steps of changing rate") {
  for (const OptimizerOptions& options : kMethods) {
    CAPTURE(options.name);
    Random random(1, "test");
    Variable weight(random_tensor({37}, random), true);
    std::vector<Reference> reference;
    for (const float w : weight.value().span()) reference.push_back({options, w});
    const auto optimizer = make_optimizer(options, {{"w", weight}});
    for (int step = 0; step < 100; ++step) {
      const float lr = 0.01f / static_cast<float>(1 + step / 30);
      const Tensor grad = random_tensor({37}, random);
      set_grad(weight, grad);
      optimizer->step(lr);
      for (std::size_t i = 0; i < reference.size(); ++i) {
        reference[i].step(grad.data()[i], lr, options.weight_decay);
      }
    }
    for (std::size_t i = 0; i < reference.size(); ++i) {
      CHECK(weight.value().data()[i] == doctest::Approx(reference[i].w).epsilon(1e-5));
    }
  }
}

TEST_CASE("sgd: two steps by hand") {
  // b = 2, w = 1 - 0.5 * 2 = 0; then b = 0.5 * 2 + 2 = 3, w = 0 - 0.5 * 3.
  Variable plain = leaf({1.0f}), nesterov = leaf({1.0f});
  const auto heavy_ball = make_optimizer({.name = "sgd", .momentum = 0.5f}, {{"w", plain}});
  const auto look_ahead =
      make_optimizer({.name = "sgd", .momentum = 0.5f, .nesterov = true}, {{"w", nesterov}});
  for (int step = 0; step < 2; ++step) {
    set_grad(plain, vector_of({2.0f}));
    set_grad(nesterov, vector_of({2.0f}));
    heavy_ball->step(0.5f);
    look_ahead->step(0.5f);
  }
  CHECK(plain.value().item() == -1.5f);
  // Nesterov adds half of the new velocity: steps of 0.5 * (2 + 1) and 0.5 * (2 + 1.5).
  CHECK(nesterov.value().item() == 1.0f - 1.5f - 1.75f);
}

TEST_CASE("adam: the first step has the size of the rate, whatever the gradient's") {
  Variable weight = leaf({0.0f, 0.0f});
  const auto optimizer = make_optimizer({.name = "adam"}, {{"w", weight}});
  set_grad(weight, vector_of({1e-3f, -1e3f}));
  optimizer->step(0.25f);
  CHECK(weight.value().data()[0] == doctest::Approx(-0.25).epsilon(2e-5));
  CHECK(weight.value().data()[1] == doctest::Approx(0.25).epsilon(1e-6));
}

TEST_CASE("groups: only weights decay, thresholds have their own rate") {
  std::vector<Parameter> parameters;
  for (const auto& [name, kind] : std::vector<std::pair<std::string, ParameterKind>>{
           {"weight", ParameterKind::weight},
           {"bias", ParameterKind::bias},
           {"norm", ParameterKind::norm},
           {"threshold", ParameterKind::quantizer}}) {
    parameters.push_back({name, leaf({1.0f}), kind});
  }
  const auto optimizer = make_optimizer(
      {.name = "sgd", .weight_decay = 0.5f, .quantizer_lr_scale = 0.25f}, parameters);
  for (Parameter& parameter : parameters) set_grad(parameter.value, vector_of({1.0f}));
  optimizer->step(0.5f);
  CHECK(parameters[0].value.value().item() == 1.0f - 0.5f * (1.0f + 0.5f));
  CHECK(parameters[1].value.value().item() == 0.5f);
  CHECK(parameters[2].value.value().item() == 0.5f);
  CHECK(parameters[3].value.value().item() == 1.0f - 0.25f * 0.5f);
}

TEST_CASE("AB: grad_scale and step_scale take the vectors' paths") {
  for (const VectorCase& vectors : read_vectors("ab_blend", "ab.optimizer_mode")) {
    const std::string method = vectors.params.at("optimizer");
    CAPTURE(method);
    const OptimizerOptions options{
        .name = method == "adam" ? "adam" : "sgd",
        .momentum = method == "momentum" ? vectors.params.at("momentum").get<float>() : 0.0f};
    const auto alpha = vectors.params.at("alpha").get<std::vector<double>>();
    const std::vector<float> gradients = floats(vectors.inputs.at("grad_wprime"));
    for (const bool scale_step : {false, true}) {
      CAPTURE(scale_step);
      const std::vector<float> path =
          floats(vectors.expect.at(scale_step ? "w_step_scale" : "w_grad_scale"));
      SlotQuantizer quantizer;
      Variable weight = leaf(floats(vectors.inputs.at("w0")));
      const auto optimizer =
          make_optimizer(options, {{"w", weight, ParameterKind::weight, &quantizer}});
      for (std::size_t step = 0; step < alpha.size(); ++step) {
        const auto rest = static_cast<float>(1.0 - alpha[step]);
        Tensor grad = vector_of({gradients.begin() + static_cast<std::ptrdiff_t>(3 * step),
                                 gradients.begin() + static_cast<std::ptrdiff_t>(3 * step + 3)});
        if (scale_step) quantizer.scale = rest;
        if (!scale_step) std::ranges::for_each(grad.span(), [rest](float& g) { g *= rest; });
        set_grad(weight, grad);
        optimizer->step(vectors.params.at("lr").get<float>());
        check_near(weight.value(), &path[3 * (step + 1)], 1e-6);
      }
    }
  }
}

TEST_CASE("at step_scale 0 a weight stands still, decay included, for every method") {
  for (OptimizerOptions options : kMethods) {
    CAPTURE(options.name);
    options.weight_decay = 0.5f;
    SlotQuantizer quantizer;
    quantizer.scale = 0.0f;
    Variable weight = leaf({0.3f, -0.7f});
    const auto optimizer =
        make_optimizer(options, {{"w", weight, ParameterKind::weight, &quantizer}});
    for (int step = 0; step < 3; ++step) {
      set_grad(weight, vector_of({1.0f, -2.0f}));
      optimizer->step(0.1f);
    }
    CHECK(weight.value().to_row_major() == std::vector<float>{0.3f, -0.7f});
  }
}

TEST_CASE("glorot_lr_scale: the vectors' layers") {
  for (const VectorCase& vectors : read_vectors("bnn_ste", "bnn.glorot_lr_scale")) {
    const Shape shape(vectors.params.at("shape").get<std::vector<std::int64_t>>());
    CHECK(glorot_lr_scale(shape) ==
          doctest::Approx(vectors.expect.at("lr_scale").get<double>()).epsilon(1e-7));
  }
  CHECK_THROWS_AS(glorot_lr_scale({10}), std::invalid_argument);
}

TEST_CASE("latent update: the step is scaled, then clipped, and every handle sees it") {
  for (const VectorCase& vectors : read_vectors("bnn_ste", "bnn.latent_update")) {
    SlotQuantizer quantizer;
    quantizer.clip = 1.0f;
    quantizer.scale = vectors.params.at("lr_scale").get<float>();
    Variable weight = leaf(floats(vectors.inputs.at("w")));
    const Variable in_layer = weight;
    const std::uint64_t version = weight.value().version();
    // Plain descent at rate 1 makes the step -grad.
    const auto optimizer =
        make_optimizer({.name = "sgd"}, {{"w", weight, ParameterKind::weight, &quantizer}});
    std::vector<float> grad = floats(vectors.inputs.at("optimizer_delta"));
    for (float& g : grad) g = -g;
    set_grad(weight, vector_of(grad));
    optimizer->step(1.0f);
    check_near(in_layer.value(), floats(vectors.expect.at("w_next")).data(), 2e-7);
    CHECK(in_layer.value().version() > version);
  }
}

TEST_CASE("glorot_scale: lengthens the steps of quantized weights only") {
  // fans 4 + 2: k = sqrt(6 / 1.5) = 2
  SlotQuantizer quantizer, none;
  none.quantizing = false;
  std::vector<Parameter> parameters;
  for (auto& [name, slot] : std::vector<std::pair<std::string, quant::Quantizer*>>{
           {"quantized", &quantizer}, {"slot with none", &none}, {"no slot", nullptr}}) {
    parameters.push_back(
        {name, Variable(Tensor::full({2, 4}, 0.0f), true), ParameterKind::weight, slot});
  }
  const auto optimizer = make_optimizer({.name = "sgd", .glorot_scale = true}, parameters);
  for (Parameter& parameter : parameters) set_grad(parameter.value, Tensor::full({2, 4}, 1.0f));
  optimizer->step(0.25f);
  CHECK(parameters[0].value.value().data()[7] == -0.5f);
  CHECK(parameters[1].value.value().data()[7] == -0.25f);
  CHECK(parameters[2].value.value().data()[7] == -0.25f);
}

TEST_CASE("a parameter without a gradient keeps value and moments, and starts Adam afresh later") {
  Variable early = leaf({1.0f}), late = leaf({1.0f});
  const auto optimizer = make_optimizer({.name = "adam"}, {{"early", early}, {"late", late}});
  for (int step = 0; step < 5; ++step) {
    set_grad(early, vector_of({1.0f}));
    optimizer->step(0.25f);
  }
  CHECK(late.value().item() == 1.0f);
  set_grad(late, vector_of({3.0f}));
  optimizer->step(0.25f);
  CHECK(late.value().item() == doctest::Approx(0.75));
}

TEST_CASE("state: a restored optimizer goes on with the same bits") {
  for (const OptimizerOptions& options : kMethods) {
    CAPTURE(options.name);
    Random random(7, "test");
    Variable first(random_tensor({2, 3, 3, 3}, random), true);
    const auto original = make_optimizer(options, {{"w", first}});
    for (int step = 0; step < 3; ++step) {
      set_grad(first, random_tensor(first.shape(), random));
      original->step(0.1f);
    }
    const auto snapshot = original->state();
    Variable second(first.value().clone(), true);
    const auto restored = make_optimizer(options, {{"w", second}});
    restored->load_state(snapshot);
    for (int step = 0; step < 3; ++step) {
      const Tensor grad = random_tensor(first.shape(), random);
      set_grad(first, grad);
      set_grad(second, grad);
      original->step(0.1f);
      restored->step(0.1f);
    }
    CHECK(first.value().to_row_major() == second.value().to_row_major());
  }
}

TEST_CASE("load_state: refuses missing, mis-shaped and unknown entries, and then changes nothing") {
  Variable weight = leaf({1.0f, 2.0f});
  const auto optimizer = make_optimizer({.name = "adam"}, {{"w", weight}});
  set_grad(weight, vector_of({1.0f, 1.0f}));
  optimizer->step(0.1f);
  const auto good = optimizer->state();

  auto missing = good;
  missing.erase("w.steps");
  missing["w.mean"] = Tensor::zeros({2});
  CHECK_THROWS_WITH_AS(optimizer->load_state(missing),
                       "optimizer state: expected an entry w.steps, got none",
                       std::invalid_argument);
  auto misshaped = good;
  misshaped["w.mean"] = Tensor::zeros({3});
  CHECK_THROWS_WITH_AS(optimizer->load_state(misshaped),
                       "optimizer state w.mean: expected f32 [2], got f32 [3]",
                       std::invalid_argument);
  auto unknown = good;
  unknown["x.mean"] = Tensor::zeros({2});
  CHECK_THROWS_WITH_AS(optimizer->load_state(unknown),
                       "optimizer state: expected no entry x.mean, got [2]", std::invalid_argument);
  CHECK(optimizer->state().at("w.mean").to_row_major() == good.at("w.mean").to_row_major());
}

TEST_CASE("sgd without momentum remembers nothing but the count") {
  const auto optimizer = make_optimizer({.name = "sgd"}, {{"w", leaf({1.0f})}});
  CHECK(optimizer->state().size() == 1);
}

TEST_CASE("the number of threads changes no bit") {
  const int threads_before = num_threads();
  const Shape shape{5 * kParallelGrain + 13};
  for (const OptimizerOptions& options : kMethods) {
    CAPTURE(options.name);
    std::vector<std::vector<float>> results;
    for (const int threads : {1, 2, 5}) {
      set_num_threads(threads);
      Random random(3, "test");
      Variable weight(random_tensor(shape, random), true);
      const auto optimizer = make_optimizer(options, {{"w", weight}});
      for (int step = 0; step < 2; ++step) {
        set_grad(weight, random_tensor(shape, random));
        optimizer->step(0.01f);
      }
      results.push_back(weight.value().to_row_major());
    }
    CHECK(results[0] == results[1]);
    CHECK(results[0] == results[2]);
  }
  set_num_threads(threads_before);
}

TEST_CASE("a NaN gradient reaches its weight and no other") {
  for (const OptimizerOptions& options : kMethods) {
    CAPTURE(options.name);
    Variable weight = leaf({1.0f, 1.0f});
    const auto optimizer = make_optimizer(options, {{"w", weight}});
    set_grad(weight, vector_of({std::nanf(""), 1.0f}));
    optimizer->step(0.1f);
    CHECK(std::isnan(weight.value().data()[0]));
    CHECK(std::isfinite(weight.value().data()[1]));
  }
}

TEST_CASE("zero_grad: frees the gradients of every handle") {
  Variable weight = leaf({1.0f});
  const auto optimizer = make_optimizer({.name = "sgd"}, {{"w", weight}});
  set_grad(weight, vector_of({1.0f}));
  optimizer->zero_grad();
  CHECK_FALSE(weight.grad().defined());
  optimizer->step(1.0f);
  CHECK(weight.value().item() == 1.0f);
}

TEST_CASE("registered optimizers: each can be made, and Adam-like ones say so") {
  for (const OptimizerInfo& info : registered_optimizers()) {
    CAPTURE(info.name);
    CHECK_FALSE(info.summary.empty());
    CHECK(make_optimizer({.name = info.name}, {})->adaptive() == (info.name != "sgd"));
  }
}

TEST_CASE("optimizer errors name the key or the parameter") {
  const auto make = [](const OptimizerOptions& options) { make_optimizer(options, {}); };
  CHECK_THROWS_WITH_AS(make({.name = "adma"}),
                       "optimizer.name: expected a known name, got 'adma'; did you mean 'adam'? "
                       "(accepted: sgd, adam, adamw)",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(make({.momentum = 1.0f}),
                       "optimizer.momentum: expected a value in [0, 1), got 1",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(make({.nesterov = true}),
                       "optimizer.nesterov: expected momentum > 0 with it, got 0",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(make({.weight_decay = -1.0f}),
                       "optimizer.weight_decay: expected a finite value >= 0, got -1",
                       std::invalid_argument);
  const Variable weight = leaf({1.0f});
  CHECK_THROWS_WITH_AS(make_optimizer({}, {{"w", weight}, {"w", weight}}),
                       "optimizer: expected one parameter named w, got several",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(make_optimizer({}, {{"w", weight.detach()}}),
                       "optimizer: expected w to be an f32 tensor that requires a gradient",
                       std::invalid_argument);
  CHECK_THROWS_AS(make_optimizer({}, {})->step(std::nanf("")), std::invalid_argument);
}

}  // namespace
}  // namespace quench::train
