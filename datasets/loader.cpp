#include "datasets/loader.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <numeric>
#include <stop_token>
#include <thread>
#include <utility>
#include <vector>

#include "core/random.h"
#include "support/error.h"

namespace quench::datasets {

/// Makes any batch of any epoch. It is stateless, so threads may share it.
class Loader::Producer {
 public:
  Producer(std::shared_ptr<const Dataset> dataset, const Transform& transform,
           const LoaderOptions& options)
      : dataset_(std::move(dataset)),
        transform_(transform),
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

  /// This rank's share of batch `index`, as positions in the epoch's order.
  struct Share {
    std::int64_t begin = 0;
    std::int64_t end = 0;
  };
  Share share(std::int64_t index) const {
    const std::int64_t first = index * options_.batch_size;
    const std::int64_t count = std::min(options_.batch_size, dataset_->size() - first);
    return {first + count * options_.rank / options_.ranks,
            first + count * (options_.rank + 1) / options_.ranks};
  }

  /// The number of batches before the first in which this rank has no images.
  std::int64_t own_batches() const {
    const std::int64_t all = batches();
    const Share last = share(all - 1);
    return last.end > last.begin ? all : all - 1;
  }

  /// This rank's part of batch `index`, allocated but not filled.
  Batch allocate(std::int64_t index) const {
    const Share own = share(index);
    const std::int64_t count = own.end - own.begin;
    const ImageShape shape = dataset_->image_shape();
    return {.images = Tensor({count, shape.channels, shape.height, shape.width}),
            .labels = Tensor({count}, DType::s32),
            .index = index};
  }

  /// Images per piece of a batch: enough work to make the lock's cost negligible, and few enough
  /// that all threads share a batch of photographs.
  std::int64_t piece_size() const {
    constexpr std::size_t kBytes = std::size_t{1} << 19;
    const std::size_t images = kBytes / std::max<std::size_t>(1, dataset_->image_shape().bytes());
    return std::clamp<std::int64_t>(static_cast<std::int64_t>(images), 1, options_.batch_size);
  }

  /// Prepares the images [begin, end) of `batch`.
  void fill(const Batch& batch, const std::vector<std::int64_t>& order, std::int64_t epoch,
            std::int64_t begin, std::int64_t end) const {
    const Random random = Random(options_.seed, "augment").fork(static_cast<std::uint64_t>(epoch));
    const std::size_t bytes = dataset_->image_shape().bytes();
    std::vector<std::uint8_t> pixels(bytes);
    Tensor images = batch.images, labels = batch.labels;  // handles to the batch's memory
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t source = order[static_cast<std::size_t>(share(batch.index).begin + i)];
      Random draws = random.fork(static_cast<std::uint64_t>(source));
      labels.data<std::int32_t>()[i] = read(source, draws, pixels);
      transform_.jitter.apply(pixels, dataset_->image_shape().channels, draws);
      converter_.convert(pixels, draws,
                         images.span().subspan(static_cast<std::size_t>(i) * bytes, bytes));
    }
  }

 private:
  int read(std::int64_t index, Random& draws, std::span<std::uint8_t> pixels) const {
    if (!transform_.random_crop) return dataset_->read(index, pixels);
    const auto choose = [&](int width, int height) {
      return transform_.random_crop->draw(width, height, draws);
    };
    return dataset_->read_box(index, choose, pixels);
  }

  std::shared_ptr<const Dataset> dataset_;
  Transform transform_;
  PixelConverter converter_;
  LoaderOptions options_;
};

/// One pass: threads claim pieces of batches in order and fill them in a ring of slots; the
/// consumer takes the batches in order. It does not use OpenMP: compute threads belong to the
/// training step.
class Loader::Epoch {
 public:
  Epoch(const Producer& producer, std::int64_t epoch, std::int64_t first_batch)
      : producer_(producer),
        epoch_(epoch),
        order_(producer.order(epoch)),
        end_(producer.own_batches()),
        slots_(static_cast<std::size_t>(producer.options().prefetch)),
        claimed_{.batch = first_batch},
        taken_(first_batch) {
    for (int i = 0; i < producer.options().threads; ++i) {
      threads_.emplace_back([this](const std::stop_token& stop) { work(stop); });
    }
  }

  std::optional<Batch> next() {
    if (taken_ >= end_) return std::nullopt;
    Slot slot;
    {
      std::unique_lock lock(mutex_);
      Slot& front = slot_of(taken_);
      const auto start = std::chrono::steady_clock::now();
      filled_.wait(lock, [&] { return front.batch.has_value() && front.missing == 0; });
      waited_ += std::chrono::steady_clock::now() - start;
      slot = std::exchange(front, {});
      ++taken_;
    }
    emptied_.notify_all();
    if (slot.error != nullptr) std::rethrow_exception(slot.error);
    return std::move(slot.batch);
  }

  double seconds_waited() const { return std::chrono::duration<double>(waited_).count(); }

 private:
  struct Slot {
    std::optional<Batch> batch;  // set when its first piece is claimed
    std::int64_t missing = 0;    // images not filled yet
    std::exception_ptr error;    // of the first image, in order, that failed
    std::int64_t error_at = 0;
  };

  /// The images [begin, end) of a batch.
  struct Piece {
    std::int64_t batch = 0;
    std::int64_t begin = 0;
    std::int64_t end = 0;
  };

  Slot& slot_of(std::int64_t batch) {
    return slots_[static_cast<std::size_t>(batch) % slots_.size()];
  }

  void work(const std::stop_token& stop) {
    Batch batch;
    while (const std::optional<Piece> piece = claim(stop, batch)) {
      std::exception_ptr error;
      try {
        producer_.fill(batch, order_, epoch_, piece->begin, piece->end);
      } catch (...) {
        error = std::current_exception();
      }
      batch = {};  // the consumer must be the only owner
      put_back(*piece, error);
    }
  }

  /// The next piece to fill and its batch, once a slot is free; nothing if all pieces are claimed.
  std::optional<Piece> claim(const std::stop_token& stop, Batch& batch) {
    std::unique_lock lock(mutex_);
    const bool go_on = emptied_.wait(lock, stop, [this] {
      return claimed_.batch >= end_ ||
             claimed_.batch < taken_ + static_cast<std::int64_t>(slots_.size());
    });
    if (!go_on || stop.stop_requested() || claimed_.batch >= end_) return std::nullopt;
    Slot& slot = slot_of(claimed_.batch);
    if (!slot.batch) {
      slot.batch = producer_.allocate(claimed_.batch);
      slot.missing = slot.batch->labels.dim(0);
    }
    batch = *slot.batch;
    const std::int64_t images = batch.labels.dim(0);
    claimed_.end = std::min(images, claimed_.begin + producer_.piece_size());
    const Piece piece = claimed_;
    claimed_ = piece.end < images ? Piece{.batch = piece.batch, .begin = piece.end}
                                  : Piece{.batch = piece.batch + 1};
    return piece;
  }

  void put_back(const Piece& piece, const std::exception_ptr& error) {
    {
      const std::lock_guard lock(mutex_);
      Slot& slot = slot_of(piece.batch);
      slot.missing -= piece.end - piece.begin;
      if (error != nullptr && (slot.error == nullptr || piece.begin < slot.error_at)) {
        slot.error = error;
        slot.error_at = piece.begin;
      }
      if (slot.missing > 0) return;
    }
    filled_.notify_one();
  }

  const Producer& producer_;
  const std::int64_t epoch_;
  const std::vector<std::int64_t> order_;
  const std::int64_t end_;
  std::chrono::steady_clock::duration waited_{};  // by the consumer

  std::mutex mutex_;  // guards the members below
  std::condition_variable filled_;
  std::condition_variable_any emptied_;  // the only kind that a stop request can wake
  std::vector<Slot> slots_;
  Piece claimed_;  // batch and begin of the next piece
  std::int64_t taken_;

  std::vector<std::jthread> threads_;  // last, so that they stop and join before other members are
                                       // destroyed
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
  require(options.rank >= 0 && options.rank < options.ranks,
          "loader: expected a rank in 0..{}, got {}", options.ranks - 1, options.rank);
  require(options.batch_size >= options.ranks,
          "loader: expected batch_size >= {}, one image per rank, got {}", options.ranks,
          options.batch_size);
  producer_ = std::make_unique<const Producer>(std::move(dataset), transform, options);
}

Loader::~Loader() = default;

std::int64_t Loader::batches_per_epoch() const { return producer_->batches(); }

std::int64_t Loader::images_in(std::int64_t batches) const {
  std::int64_t images = 0;
  for (std::int64_t k = 0; k < std::min(batches, batches_per_epoch()); ++k) {
    const Producer::Share own = producer_->share(k);
    images += own.end - own.begin;
  }
  return images;
}

void Loader::start_epoch(std::int64_t epoch, std::int64_t first_batch) {
  require(epoch >= 0, "loader: expected epoch >= 0, got {}", epoch);
  require(first_batch >= 0 && first_batch <= batches_per_epoch(),
          "loader: expected first_batch in 0..{}, got {}", batches_per_epoch(), first_batch);
  epoch_.reset();  // joins its threads before new ones start
  epoch_ = std::make_unique<Epoch>(*producer_, epoch, first_batch);
}

double Loader::seconds_waited() const { return epoch_ == nullptr ? 0.0 : epoch_->seconds_waited(); }

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
