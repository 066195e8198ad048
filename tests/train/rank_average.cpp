#include "train/rank_average.h"

#include <doctest/doctest.h>

#include <array>
#include <map>
#include <string>
#include <vector>

#include "autograd/loss.h"
#include "core/random.h"
#include "layers/batch_norm.h"
#include "layers/composite.h"
#include "layers/linear.h"
#include "thread_ranks.h"

namespace quench::train {
namespace {

constexpr int kRanks = 3;
constexpr std::int64_t kImages = 4, kFeatures = 6, kClasses = 5;

class Network final : public layers::Sequential {
 public:
  Network() {
    Random random(1, "test");
    append("hidden",
           std::make_shared<layers::Linear>(
               layers::LinearOptions{.in_features = kFeatures, .out_features = 7}, random));
    append("norm", std::make_shared<layers::BatchNorm>(7, BatchNormParams{}));
    append("output",
           std::make_shared<layers::Linear>(
               layers::LinearOptions{.in_features = 7, .out_features = kClasses, .bias = true},
               random));
  }
};

struct Batch {
  Tensor images{{kRanks * kImages, kFeatures}}, labels{{kRanks * kImages}, DType::s32};
  Batch() {
    Random random(2, "test");
    for (float& value : images.span()) value = random.normal();
    for (std::int32_t& label : labels.span<std::int32_t>())
      label = static_cast<std::int32_t>(random.below(kClasses));
  }
};

using Gradients = std::map<std::string, std::vector<float>>;

Gradients gradients_of(layers::Module& module) {
  Gradients result;
  for (const layers::Parameter& parameter : module.parameters())
    result[parameter.name] = parameter.value.grad().to_row_major();
  for (const layers::Buffer& buffer : module.buffers())
    result[buffer.name] = buffer.value.to_row_major();
  return result;
}

void check_close(const Gradients& a, const Gradients& b) {
  REQUIRE(a.size() == b.size());
  for (const auto& [name, values] : a) {
    CAPTURE(name);
    for (std::size_t i = 0; i < values.size(); ++i)
      CHECK(values[i] == doctest::Approx(b.at(name)[i]).epsilon(1e-4).scale(0.01));
  }
}

/// The state of each rank after a step on its part of the batch.
std::array<Gradients, kRanks> gradients_of_ranks(bool synchronized, std::int64_t bucket_bytes,
                                                 std::int64_t* bytes = nullptr) {
  const Batch batch;
  std::array<Gradients, kRanks> result;
  ThreadRanks(kRanks).run([&](int rank) {
    Network module;
    for (layers::BatchNorm* norm : layers::batch_norms(module))
      norm->set_synchronized(synchronized);
    RankAverage average(module, bucket_bytes);
    const std::int64_t first = rank * kImages, end = first + kImages;
    average.backward(cross_entropy(module(Variable(batch.images.slice(first, end))),
                                   batch.labels.slice(first, end), 0.0f));
    result[static_cast<std::size_t>(rank)] = gradients_of(module);
    if (rank == 0 && bytes != nullptr) *bytes = average.bytes();
  });
  return result;
}

}  // namespace

TEST_CASE("rank average: gradients match one process with the images of all ranks") {
  const Batch batch;
  Network module;
  cross_entropy(module(Variable(batch.images)), batch.labels, 0.0f).backward();
  const Gradients whole = gradients_of(module);
  std::int64_t bytes = 0;
  const auto parts = gradients_of_ranks(true, RankAverage::kBucketBytes, &bytes);
  for (const Gradients& part : parts) {
    CHECK(part == parts[0]);
    check_close(part, whole);
  }
  CHECK(bytes == 4 * (7 * kFeatures + 7 + 7 + kClasses * 7 + kClasses));
}

TEST_CASE("rank average: the bucket size does not change bits") {
  const auto one = gradients_of_ranks(true, 1 << 20);
  for (const std::int64_t bytes : {1, 100, 200}) CHECK(gradients_of_ranks(true, bytes) == one);
}

TEST_CASE("rank average: without synchronization, the ranks' running statistics are averaged") {
  const Batch batch;
  std::vector<float> mean(7, 0.0f);
  for (int rank = 0; rank < kRanks; ++rank) {
    Network module;
    module(Variable(batch.images.slice(rank * kImages, (rank + 1) * kImages)));
    const auto own = layers::batch_norms(module)[0]->running_mean().to_row_major();
    for (std::size_t c = 0; c < mean.size(); ++c) mean[c] += own[c] / kRanks;
  }
  const auto parts = gradients_of_ranks(false, 64);
  for (const Gradients& part : parts) {
    CHECK(part == parts[0]);
    for (std::size_t c = 0; c < mean.size(); ++c)
      CHECK(part.at("norm.running_mean")[c] == doctest::Approx(mean[c]).epsilon(1e-5));
  }
}

TEST_CASE("rank average: frozen parameters are skipped, and have no gradient") {
  const Batch batch;
  ThreadRanks(kRanks).run([&](int rank) {
    Network module;
    for (layers::Parameter& parameter : module.parameters()) {
      if (parameter.kind == layers::ParameterKind::norm) parameter.value.freeze();
    }
    RankAverage average(module);
    average.backward(
        cross_entropy(module(Variable(batch.images.slice(rank * kImages, (rank + 1) * kImages))),
                      batch.labels.slice(rank * kImages, (rank + 1) * kImages), 0.0f));
    for (const layers::Parameter& parameter : module.parameters())
      CHECK(parameter.value.grad().defined() == (parameter.kind != layers::ParameterKind::norm));
  });
}

}  // namespace quench::train
