#include "train/rank_average.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "core/communicator.h"
#include "core/profiler.h"
#include "layers/batch_norm.h"

namespace quench::train {
namespace {

std::int64_t bytes_of(const Tensor& tensor) {
  return tensor.numel() * static_cast<std::int64_t>(sizeof(float));
}

}  // namespace

RankAverage::RankAverage(layers::Module& network, std::int64_t bucket_bytes)
    : network_(network), bucket_bytes_(bucket_bytes) {
  for (const layers::Parameter& parameter : network.parameters()) {
    if (parameter.value.requires_grad())
      parameters_.emplace(parameter.value.slot(), parameter.value);
  }
}

void RankAverage::backward(const Variable& loss) {
  if (communicator().size() == 1) return loss.backward();
  std::vector<const GradientSlot*> complete;
  loss.backward([&](const GradientSlot* leaf) {
    const auto found = parameters_.find(leaf);
    if (found == parameters_.end()) return;
    complete.push_back(leaf);
    add(found->second);
  });
  // The gradients that the tape did not report as complete.
  for (const layers::Parameter& parameter : network_.parameters()) {
    const bool sent = std::ranges::find(complete, parameter.value.slot()) != complete.end();
    if (!sent && parameter.value.grad().defined()) add(parameter.value);
  }
  for (layers::BatchNorm* norm : layers::batch_norms(network_)) {
    if (!norm->training() || norm->params().synchronized) continue;
    for (const Tensor& statistic : {norm->running_mean(), norm->running_var()}) {
      filling_.others.push_back(statistic);
      filling_bytes_ += bytes_of(statistic);
    }
  }
  start_sum();
  const ProfileScope profile("rank_average");
  const auto start = std::chrono::steady_clock::now();
  communicator().finish_sums();
  seconds_waited_ +=
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  for (Bucket& bucket : started_) take_back(bucket);
  started_.clear();
}

void RankAverage::add(const Variable& parameter) {
  filling_.gradients.push_back(parameter);
  filling_bytes_ += bytes_of(parameter.grad());
  if (filling_bytes_ >= bucket_bytes_) start_sum();
}

void RankAverage::start_sum() {
  if (filling_bytes_ == 0) return;
  Bucket& bucket = started_.emplace_back(std::exchange(filling_, {}));
  bucket.sums = Tensor({filling_bytes_ / static_cast<std::int64_t>(sizeof(float))});
  float* to = bucket.sums.data();
  for (const Variable& parameter : bucket.gradients)
    to = std::ranges::copy(parameter.grad().span(), to).out;
  for (const Tensor& other : bucket.others) to = std::ranges::copy(other.span(), to).out;
  bytes_ += std::exchange(filling_bytes_, 0);
  communicator().start_sum(bucket.sums.span());
}

void RankAverage::take_back(Bucket& bucket) const {
  const auto share = static_cast<float>(1.0 / communicator().size());
  const float* from = bucket.sums.data();
  const auto take = [&from, share](Tensor& target) {
    const std::int64_t count = target.numel();
    float* to = target.data();
    for (std::int64_t i = 0; i < count; ++i) to[i] = share * from[i];
    from += count;
    target.bump_version();
  };
  for (Variable& parameter : bucket.gradients) take(parameter.mutable_grad());
  for (Tensor& other : bucket.others) take(other);
}

}  // namespace quench::train
