// Ranks that train together: quantizers gather the same statistics on parts of a batch as one process on all.

#include <doctest/doctest.h>

#include <array>
#include <vector>

#include "core/ops/elementwise.h"
#include "ptq/calibrator.h"
#include "quant/fixture.h"
#include "quant/gradient_quantizer.h"
#include "quant/statistics/batch_statistics.h"
#include "thread_ranks.h"

namespace quench::quant {
namespace {

constexpr int kRanks = 2;
constexpr std::int64_t kImages = 3;

/// The library's strategies; other tests register their own.
const std::vector<StrategyInfo> kStrategies = registered_quantizers();

/// Different on every rank and in every step, optionally without negative values.
Tensor batch_of(std::uint64_t step, bool relu) {
  Tensor x = random_tensor({kRanks * kImages, 4, 8, 8}, step, 1.0f + static_cast<float>(step));
  for (std::int64_t i = x.numel() / 2; i < x.numel(); ++i) x.data()[i] *= 1.7f;
  if (relu) map_into(x, x, [](float v) { return v < 0.0f ? 0.0f : v; });
  return x;
}

Tensor part_of(const Tensor& batch, int rank) {
  return batch.slice(rank * kImages, (rank + 1) * kImages);
}

/// A quantizer's results over some steps.
struct Steps {
  std::vector<Tensor> outputs;
  std::vector<float> scale;
  std::vector<std::int32_t> zero_point;
};

Steps train(const StrategyInfo& info, int bits, bool relu, std::optional<int> rank) {
  const auto quantizer = make(info.name, {.role = Role::activation, .bits = bits});
  quantizer->begin_training({.total_steps = 4, .steps_per_epoch = 4, .seed = 5});
  Steps steps;
  for (std::uint64_t step = 0; step < 3; ++step) {
    const Tensor batch = batch_of(step, relu);
    const Tensor x = rank ? part_of(batch, *rank) : batch;
    steps.outputs.push_back(quantizer->forward(Variable(x, true)).value());
    quantizer->step(static_cast<std::int64_t>(step));
  }
  if (!quantizer->quantizes()) return steps;
  steps.scale = quantizer->grid().scale;
  steps.zero_point = quantizer->grid().zero_point;
  return steps;
}

void check_close(const std::vector<float>& a, const std::vector<float>& b) {
  REQUIRE(a.size() == b.size());
  for (std::size_t i = 0; i < a.size(); ++i) CHECK(a[i] == doctest::Approx(b[i]).epsilon(1e-6));
}

/// Ignores values so close to a rounding boundary that the scale's last bit decides.
void check_mostly_equal(const Tensor& a, const Tensor& b) {
  std::int64_t different = 0;
  for (std::int64_t i = 0; i < a.numel(); ++i) {
    const float tolerance = 1e-5f * (1.0f + std::abs(a.data()[i]));
    different += std::abs(a.data()[i] - b.data()[i]) <= tolerance ? 0 : 1;
  }
  CHECK(different <= a.numel() / 200);
}

}  // namespace

TEST_CASE("ranks: every strategy gets the activations' grid of one process with all images") {
  for (const StrategyInfo& info : kStrategies) {
    if (!info.has(Role::activation)) continue;
    for (const int bits : {info.activation_bits.min, std::min(4, info.activation_bits.max)}) {
      for (const bool relu : {true, false}) {
        CAPTURE(info.name);
        CAPTURE(bits);
        CAPTURE(relu);
        const Steps whole = train(info, bits, relu, std::nullopt);
        std::array<Steps, kRanks> parts;
        ThreadRanks(kRanks).run([&](int rank) {
          parts[static_cast<std::size_t>(rank)] = train(info, bits, relu, rank);
        });
        CHECK(parts[0].scale == parts[1].scale);
        for (int rank = 0; rank < kRanks; ++rank) {
          const Steps& part = parts[static_cast<std::size_t>(rank)];
          check_close(part.scale, whole.scale);
          CHECK(part.zero_point == whole.zero_point);
          for (std::size_t step = 0; step < part.outputs.size(); ++step)
            check_mostly_equal(part.outputs[step], part_of(whole.outputs[step], rank));
        }
      }
    }
  }
}

TEST_CASE("ranks: every calibrator gets the range of one process with all images") {
  for (const ptq::CalibratorInfo& info : ptq::registered_calibrators()) {
    for (const bool relu : {true, false}) {
      CAPTURE(info.name);
      CAPTURE(relu);
      const auto range = [&](std::optional<int> rank) {
        const auto calibrator = ptq::make_calibrator({.method = info.name, .bits = 4, .bins = 64});
        for (std::uint64_t step = 0; step < 3; ++step) {
          const Tensor batch = batch_of(step, relu);
          calibrator->observe((rank ? part_of(batch, *rank) : batch).span());
        }
        return calibrator->range();
      };
      const ValueRange whole = range(std::nullopt);
      std::array<ValueRange, kRanks> parts;
      ThreadRanks(kRanks).run(
          [&](int rank) { parts[static_cast<std::size_t>(rank)] = range(rank); });
      for (const ValueRange& part : parts) {
        CHECK(part.min == doctest::Approx(whole.min).epsilon(1e-12));
        CHECK(part.max == doctest::Approx(whole.max).epsilon(1e-12));
      }
    }
  }
}

TEST_CASE("ranks: mean and deviation of a batch, also from parts of different sizes") {
  const Tensor x = random_tensor({7, 20}, 1);
  const Moments whole = moments(x, false, "x")[0];
  const double mean_of_abs = mean_abs(x, false, "x")[0];
  ThreadRanks(2).run([&](int rank) {
    const Tensor part = rank == 0 ? x.slice(0, 2) : x.slice(2, 7);
    const Moments found = batch_moments(part, "x");
    CHECK(found.mean == doctest::Approx(whole.mean).epsilon(1e-12));
    CHECK(found.deviation == doctest::Approx(whole.deviation).epsilon(1e-12));
    CHECK(batch_mean_abs(part, "x") == doctest::Approx(mean_of_abs).epsilon(1e-12));
  });
}

TEST_CASE("ranks: each computes a weight's range alone, without communication") {
  const Tensor weight = random_tensor({6, 20}, 1);
  const auto whole = ptq::calibrate_weight(weight, true, {.method = "mse", .bits = 4});
  ThreadRanks(kRanks).run([&](int rank) {
    if (rank == 1) return;
    const auto own = ptq::calibrate_weight(weight, true, {.method = "mse", .bits = 4});
    for (std::size_t i = 0; i < own.size(); ++i) CHECK(own[i].max == whole[i].max);
    const auto quantizer = make("affine", {.bits = 4});
    quantizer->forward(Variable(weight, true));
  });
}

TEST_CASE("ranks: NaN on one of them is an error on all") {
  std::array<std::string, kRanks> messages;
  ThreadRanks(kRanks).run([&](int rank) {
    const auto quantizer = make("affine", {.role = Role::activation, .bits = 8});
    Tensor x = Tensor::full({2, 3}, 1.0f);
    if (rank == 1) x.data()[4] = std::nanf("");
    try {
      quantizer->forward(Variable(x, true));
    } catch (const std::invalid_argument& error) {
      messages[static_cast<std::size_t>(rank)] = error.what();
    }
  });
  for (const std::string& message : messages)
    CHECK(message == "layer.slot: expected finite values, got NaN or infinity in shape [2, 3]");
}

TEST_CASE("ranks: the noise on gradients matches one process with these images") {
  const Tensor grad = random_tensor({kRanks * kImages, 4, 3, 3}, 1);
  const auto quantized = [](const Tensor& upstream) {
    GradientQuantizer quantizer(3, 7, "conv1");
    quantizer.set_step(2);
    const Variable leaf(Tensor::zeros(upstream.shape()), true);
    vectors::backward(quantizer.forward(leaf), upstream);
    return leaf.grad();
  };
  const Tensor whole = quantized(grad);
  ThreadRanks(kRanks).run(
      [&](int rank) { CHECK(same_bits(quantized(part_of(grad, rank)), part_of(whole, rank))); });
}

}  // namespace quench::quant
