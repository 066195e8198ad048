#include "autograd/variable.h"

#include <doctest/doctest.h>

#include <memory>
#include <stdexcept>
#include <vector>

#include "autograd/arithmetic.h"
#include "autograd/node.h"
#include "core/allocator.h"
#include "core/ops/elementwise.h"
#include "core/profiler.h"

namespace quench {
namespace {

Variable parameter(float value) { return Variable(Tensor::scalar(value), true); }

/// Doubles its input, and holds a tensor whose lifetime can be observed.
struct DoubleNode final : Node {
  std::shared_ptr<int> token;
  explicit DoubleNode(std::shared_ptr<int> token_in = {}) : token(std::move(token_in)) {}
  std::string_view name() const override { return "double"; }
  std::vector<Tensor> backward(const Tensor& grad_output) const override {
    return {multiply_scalar(grad_output, 2.0f)};
  }
};

Variable doubled(const Variable& x, std::shared_ptr<int> token = {}) {
  return record<DoubleNode>({x}, multiply_scalar(x.value(), 2.0f), std::move(token));
}

/// A first input's gradient only, though there are two inputs.
struct ShortNode final : Node {
  std::string_view name() const override { return "short"; }
  std::vector<Tensor> backward(const Tensor& grad_output) const override { return {grad_output}; }
};

}  // namespace

TEST_CASE("backward: gradients of a value used several times add up") {
  const Variable x = parameter(3.0f);
  const Variable square = multiply(x, x);               // 9
  add(multiply(square, x), square).backward();          // x^3 + x^2
  CHECK(x.grad().item() == 3.0f * 9.0f + 2.0f * 3.0f);  // 3 x^2 + 2 x
}

TEST_CASE("backward: residual connections, the short path recorded before or after the long one") {
  for (const bool short_first : {true, false}) {
    CAPTURE(short_first);
    const Variable x = parameter(1.0f);
    Variable y = x;
    for (int i = 0; i < 10; ++i) {
      const Variable branch = multiply_scalar(multiply_scalar(y, 2.0f), 0.5f);
      y = short_first ? add(y, branch) : add(branch, y);
    }
    y.backward();
    CHECK(x.grad().item() == 1024.0f);  // each block doubles
  }
}

TEST_CASE("backward: both paths of a diamond of unequal depth arrive before the pass continues") {
  const Variable x = parameter(2.0f);
  const Variable top = doubled(x);
  const Variable early = doubled(top);
  const Variable late = doubled(doubled(doubled(top)));
  add(early, late).backward();
  CHECK(x.grad().item() == 2.0f * (2.0f + 8.0f));
}

TEST_CASE("backward: leaves accumulate over calls until zero_grad, intermediates keep nothing") {
  const Variable x = parameter(5.0f);
  const Variable y = doubled(x);
  doubled(y).backward();
  CHECK_FALSE(y.grad().defined());
  doubled(x).backward();
  CHECK(x.grad().item() == 6.0f);
  Variable handle = x;
  handle.zero_grad();
  CHECK_FALSE(x.grad().defined());
}

TEST_CASE("freeze: affects all handles of a parameter; its gradient is neither kept nor computed") {
  Variable frozen = parameter(2.0f);
  const Variable other_handle = frozen, trained = parameter(3.0f);
  multiply(other_handle, trained).backward();
  CHECK(other_handle.grad().item() == 3.0f);
  frozen.freeze();
  CHECK_FALSE(other_handle.requires_grad());
  CHECK_FALSE(other_handle.grad().defined());
  CHECK_FALSE(doubled(other_handle).requires_grad());
  multiply(other_handle, trained).backward();
  CHECK_FALSE(frozen.grad().defined());
  CHECK(trained.grad().item() == 4.0f);  // 2 from each pass

  Variable result = multiply(other_handle, trained);
  CHECK_THROWS_AS(result.freeze(), std::logic_error);
  Variable constant(Tensor::scalar(1.0f));
  CHECK_THROWS_AS(constant.freeze(), std::logic_error);
}

TEST_CASE("backward: only needed operations are recorded") {
  const Variable constant(Tensor::scalar(1.0f));
  CHECK_FALSE(multiply(constant, constant).requires_grad());
  const Variable x = parameter(2.0f);
  {
    const NoGradGuard outer;
    { const NoGradGuard inner; }
    CHECK_FALSE(gradients_enabled());
    CHECK_FALSE(doubled(x).requires_grad());
  }
  CHECK(gradients_enabled());
  CHECK_FALSE(x.detach().requires_grad());
  multiply(doubled(x).detach(), x).backward();
  CHECK(x.grad().item() == 4.0f);
  CHECK_FALSE(constant.grad().defined());
}

TEST_CASE("backward: a shared gradient buffer is never written through") {
  const Variable a = parameter(1.0f), b = parameter(1.0f);
  Variable c = parameter(1.0f);
  add(add(a, b), c).backward();  // one buffer for all three
  CHECK(a.grad().shares_storage_with(c.grad()));
  c.mutable_grad().data()[0] = 100.0f;
  doubled(b).backward();
  CHECK(a.grad().item() == 1.0f);
  CHECK(b.grad().item() == 3.0f);
  CHECK(c.grad().item() == 100.0f);
}

TEST_CASE("backward: a node and what it saved are freed as soon as it has been passed") {
  /// Its backward, which runs last, checks whether the later node still exists.
  struct ProbeNode final : Node {
    std::weak_ptr<int> later;
    bool* freed;
    ProbeNode(std::weak_ptr<int> later_in, bool* freed_in)
        : later(std::move(later_in)), freed(freed_in) {}
    std::string_view name() const override { return "probe"; }
    std::vector<Tensor> backward(const Tensor& grad_output) const override {
      *freed = later.expired();
      return {grad_output};
    }
  };
  auto token = std::make_shared<int>(0);
  bool freed = false;
  const Variable x = parameter(1.0f);
  const Variable probe = record<ProbeNode>({x}, x.value(), std::weak_ptr<int>(token), &freed);
  const Variable loss = doubled(probe, std::move(token));
  loss.backward();
  CHECK(freed);
}

#if !defined(__SANITIZE_ADDRESS__)
TEST_CASE("backward: afterwards only values with handles and leaf gradients are in memory") {
  const Variable x(Tensor::full({1000}, 1.0f), true);
  const std::size_t before = allocator_stats().bytes_in_use;
  {
    Variable y = x;
    for (int i = 0; i < 5; ++i) y = multiply(y, x);
    struct SumNode final : Node {
      std::string_view name() const override { return "sum"; }
      std::vector<Tensor> backward(const Tensor& g) const override {
        return {Tensor::full({1000}, g.item())};
      }
    };
    const Variable loss = record<SumNode>({y}, Tensor::scalar(1.0f));
    y = {};
    CHECK(allocator_stats().bytes_in_use >= before + 4 * 4000);  // saved products
    loss.backward();
    CHECK(allocator_stats().bytes_in_use == before + 4032 + 64);  // x's gradient and the loss
    CHECK(x.grad().data()[999] == 6.0f);
  }
  CHECK(allocator_stats().bytes_in_use == before + 4032);
}
#endif

TEST_CASE("backward: an in-place change of a saved parameter is an error, not a wrong number") {
  Variable w = parameter(2.0f);
  const Variable loss = multiply(w, w);
  w.mutable_value().data()[0] = 3.0f;
  w.mutable_value().bump_version();
  CHECK_THROWS_WITH_AS(
      loss.backward(),
      "backward: a tensor of shape [] was changed in place after the forward pass saved it",
      std::logic_error);
}

TEST_CASE("backward: a second pass over the tape is an error, also from another value") {
  const Variable x = parameter(1.0f);
  const Variable shared = doubled(x);
  const Variable first = doubled(shared);
  const Variable second = doubled(shared);
  first.backward();
  CHECK_THROWS_WITH_AS(first.backward(),
                       "backward: expected a recorded tape, got one that already ran or is empty",
                       std::logic_error);
  CHECK_THROWS_WITH_AS(second.backward(),
                       "backward: double reads a value from a part of the tape that already ran",
                       std::logic_error);
}

TEST_CASE("backward: values that cannot be differentiated are rejected") {
  CHECK_THROWS_AS(Variable(Tensor::scalar(1.0f)).backward(), std::logic_error);
  CHECK_THROWS_AS(parameter(1.0f).backward(), std::logic_error);
  const Variable x(Tensor::zeros({2}), true);
  CHECK_THROWS_WITH_AS(doubled(x).backward(),
                       "backward: expected a loss of one element, got shape [2]", std::logic_error);
  CHECK_THROWS_AS(Variable(x).mutable_grad(), std::logic_error);
  const Variable a = parameter(1.0f);
  const Variable wrong = record<ShortNode>({a, a}, Tensor::scalar(1.0f));
  CHECK_THROWS_WITH_AS(wrong.backward(), "backward: expected 2 gradients from short, got 1",
                       std::logic_error);
}

TEST_CASE("a long tape does not overflow the stack, run or dropped") {
  constexpr int kNodes = 100000;
  const Variable x = parameter(1.0f);
  SUBCASE("a chain, dropped") {
    Variable y = x;
    for (int i = 0; i < kNodes; ++i) y = multiply_scalar(y, 1.0f);
  }
  SUBCASE("both inputs of each node one value, dropped") {
    Variable y = x;
    for (int i = 0; i < kNodes; ++i) y = multiply(y, y);
  }
  SUBCASE("residual blocks, dropped") {
    Variable y = x;
    for (int i = 0; i < kNodes; ++i) y = add(y, multiply_scalar(y, 0.0f));
  }
  SUBCASE("a chain, run") {
    Variable y = x;
    for (int i = 0; i < kNodes; ++i) y = multiply_scalar(y, 1.0f);
    y.backward();
    CHECK(x.grad().item() == 1.0f);
  }
  SUBCASE("a branch that no gradient enters, dropped by backward") {
    struct FirstOnlyNode final : Node {
      std::string_view name() const override { return "first_only"; }
      std::vector<Tensor> backward(const Tensor& g) const override { return {g, Tensor()}; }
    };
    Variable y = x;
    for (int i = 0; i < kNodes; ++i) y = multiply_scalar(y, 1.0f);
    const Variable loss = record<FirstOnlyNode>({x, y}, Tensor::scalar(0.0f));
    y = {};
    loss.backward();
    CHECK(x.grad().item() == 1.0f);
  }
}

TEST_CASE("backward: a hook is called for a leaf once all of its gradients have arrived") {
  const Variable first = parameter(2.0f), shared = parameter(3.0f), last = parameter(5.0f);
  const Variable h = multiply(first, shared);
  const Variable loss = multiply(multiply(h, shared), last);
  std::vector<const GradientSlot*> told;
  std::vector<float> gradients;
  loss.backward([&](const GradientSlot* leaf) {
    told.push_back(leaf);
    gradients.push_back(leaf->grad.item());
  });
  // Latest first; both uses of `shared` lie before the end of `first`.
  CHECK(told == std::vector<const GradientSlot*>{last.slot(), first.slot(), shared.slot()});
  CHECK(gradients == std::vector<float>{18.0f, 45.0f, 60.0f});
}

TEST_CASE(
    "backward: the hook is called once for a leaf used twice by one node, never without a "
    "gradient") {
  const Variable x = parameter(3.0f), unused = parameter(1.0f);
  Variable frozen = parameter(2.0f);
  frozen.freeze();
  std::vector<const GradientSlot*> told;
  multiply(multiply(x, x), frozen).backward([&](const GradientSlot* leaf) {
    told.push_back(leaf);
  });
  CHECK(told == std::vector<const GradientSlot*>{x.slot()});
  CHECK(x.grad().item() == 12.0f);
  CHECK_FALSE(unused.grad().defined());
}

TEST_CASE("backward: the profiler sees each node under its name") {
  reset_profiler();
  enable_profiler(true);
  doubled(doubled(parameter(1.0f))).backward();
  enable_profiler(false);
  const std::vector<ProfileEntry> entries = profile();
  reset_profiler();
  REQUIRE(entries.size() == 1);
  CHECK(entries[0].name == "double backward");
  CHECK(entries[0].calls == 2);
}

}  // namespace quench
