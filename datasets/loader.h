#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "core/tensor.h"
#include "datasets/dataset.h"
#include "datasets/transform.h"

namespace quench::datasets {

struct Batch {
  Tensor images;           ///< [N, C, H, W] f32, channels-last in memory; of one rank's part
  Tensor labels;           ///< [N] s32
  std::int64_t index = 0;  ///< position in the epoch, from 0
};

struct LoaderOptions {
  std::int64_t batch_size = 1;  ///< of all ranks together
  bool shuffle = false;         ///< a new order every epoch
  bool drop_last = false;       ///< leave out the last batch if it is not full
  int threads = 1;              ///< background threads that prepare batches; >= 1
  int prefetch = 4;             ///< batches prepared ahead; >= 1
  std::uint64_t seed = 0;       ///< of order and augmentation
  /// Of `ranks` loaders that share a dataset, rank r gives images n r / ranks to n (r + 1) / ranks of
  /// each batch of n: parts that do not overlap, in order, and together the batch of one loader.
  int rank = 0;
  int ranks = 1;
};

/// Batches of a dataset, prepared by background threads.
///
/// What a batch holds is a pure function of (seed, epoch, position): neither the number of threads
/// nor timing changes it, and an epoch can be entered anywhere, so that a resumed run sees the
/// batches the interrupted one would have seen. The order of an epoch is a permutation drawn from
/// the stream "shuffle", forked by epoch; an image's crops, colours and flip come from the stream "augment",
/// forked by epoch and then by the image's index in the dataset.
///
/// One thread uses a loader; the destructor stops the background threads, also in mid-epoch.
class Loader {
 public:
  /// @throws std::invalid_argument  if the dataset is empty, an option or the transform is out of
  ///                                range, or drop_last leaves no batch
  Loader(std::shared_ptr<const Dataset> dataset, const Transform& transform, LoaderOptions options);
  ~Loader();
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;

  std::int64_t batches_per_epoch() const;
  /// How many images this rank gets in the first `batches` batches, or in all if there are fewer.
  std::int64_t images_in(std::int64_t batches) const;

  /// Starts preparing epoch `epoch` (>= 0) from batch `first_batch` (0 to batches_per_epoch()) on;
  /// an epoch in progress is given up.
  /// @throws std::invalid_argument  if one of them is out of range
  void start_epoch(std::int64_t epoch, std::int64_t first_batch = 0);

  /// The next batch, in order; nothing at the end of the epoch, or once there is nothing left for
  /// this rank, which a last batch of fewer images than ranks may have. Rethrows what reading its images
  /// threw, after which a new epoch must be started.
  /// @throws std::logic_error  if no epoch was started
  std::optional<Batch> next();

  /// How long next() has waited for batches since start_epoch().
  double seconds_waited() const;

 private:
  class Epoch;
  class Producer;

  // What a batch holds; outlives the threads that use it.
  std::unique_ptr<const Producer> producer_;
  std::unique_ptr<Epoch> epoch_;  // who prepares it when
};

}  // namespace quench::datasets
