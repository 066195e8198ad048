#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "core/tensor.h"
#include "datasets/dataset.h"
#include "datasets/transform.h"

namespace quench::datasets {

struct Batch {
  Tensor images;           ///< [N, C, H, W] f32, channels-last in memory; this rank's part
  Tensor labels;           ///< [N] s32
  std::int64_t index = 0;  ///< position in the epoch, from 0
};

struct LoaderOptions {
  std::int64_t batch_size = 1;  ///< over all ranks
  bool shuffle = false;         ///< a new order every epoch
  bool drop_last = false;       ///< leave out the last batch if it is not full
  int threads = 1;              ///< background threads that prepare batches; >= 1
  int prefetch = 4;             ///< batches prepared ahead; >= 1
  std::uint64_t seed = 0;       ///< for order and augmentation
  /// If `ranks` loaders share a dataset, rank r returns images n r / ranks to n (r + 1) / ranks of
  /// each batch of n. The parts are disjoint and in order; together they form one loader's batch.
  int rank = 0;
  int ranks = 1;
};

/// Batches of a dataset, prepared by background threads.
///
/// The contents of a batch are a pure function of (seed, epoch, position): neither the number of
/// threads nor timing changes them. An epoch can start at any batch, so a resumed run gets the same
/// batches as an uninterrupted one. The order of an epoch is a permutation from the stream
/// "shuffle", forked by epoch. An image's crops, colours and flip come from the stream "augment",
/// forked by epoch and then by the image's index in the dataset.
///
/// Only one thread may use a loader. The destructor stops the background threads, also in
/// mid-epoch.
class Loader {
 public:
  /// @throws std::invalid_argument  if the dataset is empty, an option or the transform is out of
  ///                                range, or drop_last leaves no batch
  Loader(std::shared_ptr<const Dataset> dataset, const Transform& transform, LoaderOptions options);
  ~Loader();
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;

  std::int64_t batches_per_epoch() const;
  /// The number of images of this rank in the first `batches` batches, or in all if there are
  /// fewer.
  std::int64_t images_in(std::int64_t batches) const;

  /// Starts preparing epoch `epoch` (>= 0) from batch `first_batch` (0 to batches_per_epoch());
  /// abandons an epoch in progress.
  /// @throws std::invalid_argument  if either is out of range
  void start_epoch(std::int64_t epoch, std::int64_t first_batch = 0);

  /// The next batch, in order. Nothing at the end of the epoch, or if the last batch has fewer
  /// images than ranks and none for this one. Rethrows exceptions from reading its images; then a
  /// new epoch must be started.
  /// @throws std::logic_error  if no epoch was started
  std::optional<Batch> next();

  /// The time that next() has waited for batches since start_epoch().
  double seconds_waited() const;

 private:
  class Epoch;
  class Producer;

  // makes the contents of batches; outlives the threads that use it
  std::unique_ptr<const Producer> producer_;
  std::unique_ptr<Epoch> epoch_;  // schedules the threads
};

}  // namespace quench::datasets
