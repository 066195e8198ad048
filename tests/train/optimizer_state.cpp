#include <doctest/doctest.h>

#include <stdexcept>

#include "train/optimizer.h"
#include "train/optimizer_fixture.h"

namespace quench::train {
namespace {

TEST_CASE("state: a restored optimizer continues with the same bits") {
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

TEST_CASE("load_state: rejects missing, mis-shaped and unknown entries without changing anything") {
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

TEST_CASE("sgd without momentum stores only the count") {
  const auto optimizer = make_optimizer({.name = "sgd", .momentum = 0.0}, {{"w", leaf({1.0f})}});
  CHECK(optimizer->state().size() == 1);
}

}  // namespace
}  // namespace quench::train
