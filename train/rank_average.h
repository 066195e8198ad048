#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "autograd/variable.h"
#include "core/tensor.h"
#include "layers/module.h"

namespace quench::train {

/// Combines one step of several ranks (core/communicator.h): averages the results of all ranks,
/// bit-identically on every rank.
///
/// Gradients are summed in buckets while backward continues with earlier layers: in the order of
/// completion, which is tape order and so the same on all ranks. Running statistics of batch norms
/// that are not synchronized are sent with the last bucket.
class RankAverage {
 public:
  /// Fewer, larger messages use the network better; more, smaller ones start sooner.
  static constexpr std::int64_t kBucketBytes = std::int64_t{1} << 20;

  /// @param network  must outlive this object
  explicit RankAverage(layers::Module& network, std::int64_t bucket_bytes = kBucketBytes);

  /// Runs loss.backward() and averages the gradients of all parameters over the ranks. They are
  /// those of the mean loss over all images if each rank's loss is a mean over the same number of
  /// images.
  void backward(const Variable& loss);

  /// Bytes summed by one rank since the start, and the time that backward() waited for the sums
  /// without other work.
  std::int64_t bytes() const { return bytes_; }
  double seconds_waited() const { return seconds_waited_; }

 private:
  /// Values that are being summed: those of several tensors, concatenated.
  struct Bucket {
    Tensor sums;
    std::vector<Variable> gradients;  ///< the source tensors
    std::vector<Tensor> others;
  };

  void add(const Variable& parameter);
  void start_sum();
  void take_back(Bucket& bucket) const;

  layers::Module& network_;
  std::int64_t bucket_bytes_;
  std::unordered_map<const GradientSlot*, Variable> parameters_;
  Bucket filling_;
  std::int64_t filling_bytes_ = 0;
  std::vector<Bucket> started_;
  std::int64_t bytes_ = 0;
  double seconds_waited_ = 0.0;
};

}  // namespace quench::train
