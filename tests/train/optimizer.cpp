#include "train/optimizer.h"

#include <doctest/doctest.h>

#include <cmath>
#include <stdexcept>
#include <string>

#include "core/parallel.h"
#include "train/optimizer_fixture.h"

namespace quench::train {
namespace {

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
  std::vector<layers::Parameter> parameters;
  for (const auto& [name, kind] : std::vector<std::pair<std::string, layers::ParameterKind>>{
           {"weight", layers::ParameterKind::weight},
           {"bias", layers::ParameterKind::bias},
           {"norm", layers::ParameterKind::norm},
           {"threshold", layers::ParameterKind::quantizer}}) {
    parameters.push_back({name, leaf({1.0f}), kind});
  }
  const auto optimizer = make_optimizer(
      {.name = "sgd", .momentum = 0.0, .weight_decay = 0.5f, .quantizer_lr_scale = 0.25f},
      parameters);
  for (layers::Parameter& parameter : parameters) set_grad(parameter.value, vector_of({1.0f}));
  optimizer->step(0.5f);
  CHECK(parameters[0].value.value().item() == 1.0f - 0.5f * (1.0f + 0.5f));
  CHECK(parameters[1].value.value().item() == 0.5f);
  CHECK(parameters[2].value.value().item() == 0.5f);
  CHECK(parameters[3].value.value().item() == 1.0f - 0.25f * 0.5f);
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

TEST_CASE("reset: the next step is a first step") {
  for (const OptimizerOptions& options : kMethods) {
    CAPTURE(options.name);
    Variable used = leaf({1.0f}), fresh = leaf({1.0f});
    const auto optimizer = make_optimizer(options, {{"w", used}});
    set_grad(used, vector_of({5.0f}));
    optimizer->step(0.01f);
    optimizer->reset();
    used.mutable_value().data()[0] = 1.0f;
    const auto other = make_optimizer(options, {{"w", fresh}});
    for (int step = 0; step < 3; ++step) {
      set_grad(used, vector_of({2.0f}));
      set_grad(fresh, vector_of({2.0f}));
      optimizer->step(0.01f);
      other->step(0.01f);
    }
    CHECK(used.value().item() == fresh.value().item());
  }
}

TEST_CASE("the number of threads does not change bits") {
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
  const auto optimizer = make_optimizer({.name = "sgd", .momentum = 0.0}, {{"w", weight}});
  set_grad(weight, vector_of({1.0f}));
  optimizer->zero_grad();
  CHECK_FALSE(weight.grad().defined());
  optimizer->step(1.0f);
  CHECK(weight.value().item() == 1.0f);
}

TEST_CASE("registered optimizers: each can be created, and Adam-like ones are marked") {
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
  CHECK_THROWS_WITH_AS(make({.momentum = 0.0, .nesterov = true}),
                       "optimizer.nesterov: expected optimizer.momentum > 0, got 0",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(make({.weight_decay = -1.0f}),
                       "optimizer.weight_decay: expected a finite value >= 0, got -1",
                       std::invalid_argument);
  const Variable weight = leaf({1.0f});
  CHECK_THROWS_WITH_AS(make_optimizer({}, {{"w", weight}, {"w", weight}}),
                       "optimizer: expected unique parameter names, got w more than once",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(make_optimizer({}, {{"w", weight.detach()}}),
                       "optimizer: expected w to be an f32 tensor that requires a gradient",
                       std::invalid_argument);
  CHECK_THROWS_AS(make_optimizer({}, {})->step(std::nanf("")), std::invalid_argument);
}

}  // namespace
}  // namespace quench::train
