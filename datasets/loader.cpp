#include "datasets/loader.h"

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <numeric>
#include <stop_token>
#include <thread>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/random.h"

namespace quench::datasets {

/// Makes any batch of any epoch; holds no state, so that threads may share it.
class Loader::Producer {
 public:
  Producer(std::shared_ptr<const Dataset> dataset, const Transform& transform,
           const LoaderOptions& options)
      : dataset_(std::move(dataset)),
        converter_(transform, dataset_->image_shape()),
        options_(options) {}

  const LoaderOptions& options() const { return options_; }

  std::int64_t batches() const {
    const std::int64_t size = dataset_->size();
    const std::int64_t full = size / options_.batch_size;
    return options_.drop_last || size % options_.batch_size == 0 ? full : full + 1;
  }

  /// The dataset's indices in the order of `epoch`.
  std::vector<std::int64_t> order(std::int64_t epoch) const {
    std::vector<std::int64_t> order(static_cast<std::size_t>(dataset_->size()));
    std::iota(order.begin(), order.end(), std::int64_t{0});
    if (!options_.shuffle) return order;
    Random random = Random(options_.seed, "shuffle").fork(static_cast<std::uint64_t>(epoch));
    for (std::size_t i = order.size(); i > 1; --i) {  // Fisher-Yates
      std::swap(order[i - 1], order[random.below(static_cast<std::uint32_t>(i))]);
    }
    return order;
  }

  Batch make(const std::vector<std::int64_t>& order, std::int64_t epoch, std::int64_t index) const {
    const std::int64_t begin = index * options_.batch_size;
    const std::int64_t count = std::min(options_.batch_size, dataset_->size() - begin);
    const ImageShape shape = dataset_->image_shape();
    Batch batch{.images = Tensor({count, shape.channels, shape.height, shape.width}),
                .labels = Tensor({count}, DType::s32),
                .index = index};
    const std::span<float> images = batch.images.span();
    const std::span<std::int32_t> labels = batch.labels.span<std::int32_t>();
    const Random random = Random(options_.seed, "augment").fork(static_cast<std::uint64_t>(epoch));
    std::vector<std::uint8_t> pixels(shape.bytes());
    for (std::size_t i = 0; i < labels.size(); ++i) {
      const std::int64_t source = order[static_cast<std::size_t>(begin) + i];
      labels[i] = dataset_->read(source, pixels);
      converter_.convert(pixels, random.fork(static_cast<std::uint64_t>(source)),
                         images.subspan(i * pixels.size(), pixels.size()));
    }
    return batch;
  }

 private:
  std::shared_ptr<const Dataset> dataset_;
  PixelConverter converter_;
  LoaderOptions options_;
};

/// One pass: threads claim batches in order and put them into a ring of slots, the consumer takes
/// them out in order. No OpenMP in here: compute threads belong to the training step.
class Loader::Epoch {
 public:
  Epoch(const Producer& producer, std::int64_t epoch, std::int64_t first_batch)
      : producer_(producer),
        epoch_(epoch),
        order_(producer.order(epoch)),
        end_(producer.batches()),
        slots_(static_cast<std::size_t>(producer.options().prefetch)),
        claimed_(first_batch),
        taken_(first_batch) {
    for (int i = 0; i < producer.options().threads; ++i) {
      threads_.emplace_back([this](const std::stop_token& stop) { work(stop); });
    }
  }

  std::optional<Batch> next() {
    Slot slot;
    {
      std::unique_lock lock(mutex_);
      if (taken_ == end_) return std::nullopt;
      Slot& front = slot_of(taken_);
      filled_.wait(lock, [&] { return front.batch.has_value() || front.error != nullptr; });
      slot = std::exchange(front, {});
      ++taken_;
    }
    emptied_.notify_one();
    if (slot.error != nullptr) std::rethrow_exception(slot.error);
    return std::move(slot.batch);
  }

 private:
  struct Slot {
    std::optional<Batch> batch;
    std::exception_ptr error;
  };

  Slot& slot_of(std::int64_t batch) {
    return slots_[static_cast<std::size_t>(batch) % slots_.size()];
  }

  void work(const std::stop_token& stop) {
    while (const std::optional<std::int64_t> index = claim(stop)) {
      Slot slot;
      try {
        slot.batch = producer_.make(order_, epoch_, *index);
      } catch (...) {
        slot.error = std::current_exception();
      }
      {
        const std::lock_guard lock(mutex_);
        slot_of(*index) = std::move(slot);
      }
      filled_.notify_one();
    }
  }

  /// The next batch to make, once there is a slot for it; nothing when all are claimed.
  std::optional<std::int64_t> claim(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    const bool go_on = emptied_.wait(lock, stop, [this] {
      return claimed_ == end_ || claimed_ < taken_ + static_cast<std::int64_t>(slots_.size());
    });
    if (!go_on || stop.stop_requested() || claimed_ == end_) return std::nullopt;
    return claimed_++;
  }

  const Producer& producer_;
  const std::int64_t epoch_;
  const std::vector<std::int64_t> order_;
  const std::int64_t end_;

  std::mutex mutex_;  // guards the following
  std::condition_variable filled_;
  std::condition_variable_any emptied_;  // the kind that a stop request can wake
  std::vector<Slot> slots_;
  std::int64_t claimed_;
  std::int64_t taken_;

  std::vector<std::jthread> threads_;  // last: stopped and joined before the rest goes away
};

Loader::Loader(std::shared_ptr<const Dataset> dataset, const Transform& transform,
               LoaderOptions options) {
  require(dataset != nullptr && dataset->size() > 0,
          "loader: expected a dataset with images, got none");
  require(options.batch_size >= 1, "loader: expected batch_size >= 1, got {}", options.batch_size);
  require(!options.drop_last || options.batch_size <= dataset->size(),
          "loader: expected batch_size <= {} images with drop_last, got {}", dataset->size(),
          options.batch_size);
  require(options.threads >= 1, "loader: expected threads >= 1, got {}", options.threads);
  require(options.prefetch >= 1, "loader: expected prefetch >= 1, got {}", options.prefetch);
  producer_ = std::make_unique<const Producer>(std::move(dataset), transform, options);
}

Loader::~Loader() = default;

std::int64_t Loader::batches_per_epoch() const { return producer_->batches(); }

void Loader::start_epoch(std::int64_t epoch, std::int64_t first_batch) {
  require(epoch >= 0, "loader: expected epoch >= 0, got {}", epoch);
  require(first_batch >= 0 && first_batch <= batches_per_epoch(),
          "loader: expected first_batch in 0..{}, got {}", batches_per_epoch(), first_batch);
  epoch_.reset();  // its threads are gone before new ones come
  epoch_ = std::make_unique<Epoch>(*producer_, epoch, first_batch);
}

std::optional<Batch> Loader::next() {
  expect(epoch_ != nullptr, "loader: expected start_epoch before next");
  try {
    return epoch_->next();
  } catch (...) {
    epoch_.reset();
    throw;
  }
}

}  // namespace quench::datasets
