#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "autograd/variable.h"
#include "core/tensor.h"
#include "layers/module.h"

namespace quench::train {

/// Makes one step of several ranks (core/communicator.h): what each finds on its own images becomes the
/// average over all of them, on every rank the same bits.
///
/// Gradients are summed in buckets while backward goes on with the layers before: in the order in which
/// they are complete, which is that of the tape and so one for all ranks. Running statistics of batch
/// norms that are not synchronized go with the last bucket.
class RankAverage {
 public:
  /// Fewer and larger messages come closer to what the network can carry, more and smaller ones begin
  /// sooner.
  static constexpr std::int64_t kBucketBytes = std::int64_t{1} << 20;

  /// @param network  outlives this
  explicit RankAverage(Module& network, std::int64_t bucket_bytes = kBucketBytes);

  /// loss.backward(), after which the gradients of all parameters are averages over the ranks. They are
  /// those of the mean loss of all images if each rank's is the mean over as many images.
  void backward(const Variable& loss);

  /// Of all ranks' sums since the start, in bytes of one rank, and how long backward() has waited for
  /// them once it had nothing else to do.
  std::int64_t bytes() const { return bytes_; }
  double seconds_waited() const { return seconds_waited_; }

 private:
  /// Values that are being summed: those of several tensors, one after the other.
  struct Bucket {
    Tensor sums;
    std::vector<Variable> gradients;  ///< of these
    std::vector<Tensor> others;
  };

  void add(const Variable& parameter);
  void start_sum();
  void take_back(Bucket& bucket) const;

  Module& network_;
  std::int64_t bucket_bytes_;
  std::unordered_map<const GradientSlot*, Variable> parameters_;
  Bucket filling_;
  std::int64_t filling_bytes_ = 0;
  std::vector<Bucket> started_;
  std::int64_t bytes_ = 0;
  double seconds_waited_ = 0.0;
};

}  // namespace quench::train
