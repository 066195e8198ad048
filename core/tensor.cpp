#include "core/tensor.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <mutex>
#include <optional>

#include "core/allocator.h"
#include "core/element_source.h"
#include "core/parallel.h"
#include "support/error.h"

namespace quench {

struct Tensor::Storage {
  explicit Storage(std::size_t size) : block(static_cast<std::byte*>(allocate(size))) {}
  explicit Storage(std::unique_ptr<const ElementSource> source_in) : source(std::move(source_in)) {}
  ~Storage() {
    if (block != nullptr) deallocate(block);
  }
  Storage(const Storage&) = delete;
  Storage& operator=(const Storage&) = delete;

  /// Computes `count` deferred elements, unless that was done.
  std::byte* compute(std::int64_t count);

  std::atomic<std::byte*> block = nullptr;  // null: deferred
  std::unique_ptr<const ElementSource> source;
  std::mutex computing;
  std::uint64_t version = 0;
};

std::byte* Tensor::Storage::compute(std::int64_t count) {
  const std::lock_guard lock(computing);
  if (block != nullptr) return block;
  std::optional<ProfileScope> profile;
  if (omp_in_parallel() == 0) profile.emplace(source->operation(), source->pass());
  auto* const bytes =
      static_cast<std::byte*>(allocate(static_cast<std::size_t>(count) * sizeof(float)));
  auto* const to = reinterpret_cast<float*>(bytes);
  parallel_for(count, kParallelGrain, [=, this](std::int64_t begin, std::int64_t end) {
    for (std::int64_t at = begin; at < end; at += ElementSource::kPiece)
      source->read(at, std::min(at + ElementSource::kPiece, end), to + at);
  });
  block = bytes;
  source.reset();
  return bytes;
}

namespace {

/// Calls visit(row_major_index, memory_index) for every element of a channels-last tensor.
template <typename Visit>
void for_each_nchw(const Shape& shape, Visit&& visit) {
  const std::int64_t c = shape[1], hw = shape[2] * shape[3];
  for (std::int64_t n = 0; n < shape[0]; ++n) {
    for (std::int64_t k = 0; k < c; ++k) {
      for (std::int64_t i = 0; i < hw; ++i) visit((n * c + k) * hw + i, (n * hw + i) * c + k);
    }
  }
}

}  // namespace

Tensor::Tensor(Shape shape, DType dtype) : shape_(shape), dtype_(dtype) {
  storage_ = std::make_shared<Storage>(bytes());
  data_ = storage_->block;
}

Tensor Tensor::deferred(Shape shape, std::unique_ptr<const ElementSource> source) {
  Tensor result;
  result.storage_ = std::make_shared<Storage>(std::move(source));
  result.shape_ = shape;
  return result;
}

bool Tensor::deferred() const { return storage_ != nullptr && storage_->block == nullptr; }

const float* Tensor::read(std::int64_t begin, std::int64_t end, float* buffer) const {
  if (!deferred()) return data() + begin;
  for (std::int64_t at = begin; at < end; at += ElementSource::kPiece)
    storage_->source->read(at, std::min(at + ElementSource::kPiece, end), buffer + (at - begin));
  return buffer;
}

Tensor Tensor::zeros(Shape shape, DType dtype) {
  Tensor result(shape, dtype);
  std::memset(result.data_, 0, result.bytes());
  return result;
}

Tensor Tensor::full(Shape shape, float value) {
  Tensor result(shape);
  std::ranges::fill(result.span(), value);
  return result;
}

template <Element T>
Tensor Tensor::from_row_major(Shape shape, std::span<const T> values) {
  require(static_cast<std::int64_t>(values.size()) == shape.numel(),
          "tensor: expected {} values for shape {}, got {}", shape.numel(), shape.to_string(),
          values.size());
  Tensor result(shape, kDTypeOf<T>);
  T* out = result.data<T>();
  if (shape.rank() == 4) {
    for_each_nchw(shape, [&](std::int64_t from, std::int64_t to) {
      out[to] = values[static_cast<std::size_t>(from)];
    });
  } else {
    std::ranges::copy(values, out);
  }
  return result;
}

template <Element T>
std::vector<T> Tensor::to_row_major() const {
  const std::span<const T> values = span<T>();
  std::vector<T> result(values.begin(), values.end());
  if (rank() == 4) {
    for_each_nchw(shape_, [&](std::int64_t to, std::int64_t from) {
      result[static_cast<std::size_t>(to)] = values[static_cast<std::size_t>(from)];
    });
  }
  return result;
}

#define QUENCH_INSTANTIATE(T)                                           \
  template Tensor Tensor::from_row_major<T>(Shape, std::span<const T>); \
  template std::vector<T> Tensor::to_row_major<T>() const;
QUENCH_INSTANTIATE(float)
QUENCH_INSTANTIATE(double)
QUENCH_INSTANTIATE(std::int32_t)
QUENCH_INSTANTIATE(std::int8_t)
QUENCH_INSTANTIATE(std::uint8_t)
QUENCH_INSTANTIATE(BFloat16)
#undef QUENCH_INSTANTIATE

std::optional<ElementExtent> Tensor::known_extent() const {
  if (!deferred()) return std::nullopt;
  return storage_->source->extent();
}

float Tensor::item() const {
  expect(defined() && numel() == 1, "tensor: item() needs exactly one element, got shape {}",
         shape_.to_string());
  return *data<float>();
}

Tensor Tensor::slice(std::int64_t begin, std::int64_t end) const {
  require(rank() >= 1 && begin >= 0 && begin <= end && end <= dim(0),
          "tensor: expected a slice inside axis 0 of {}, got [{}, {})", shape_.to_string(), begin,
          end);
  Tensor result = *this;
  result.shape_ = shape_.with(0, end - begin);
  const std::int64_t row = dim(0) == 0 ? 0 : numel() / dim(0);
  result.data_ = checked(dtype_) + static_cast<std::size_t>(begin * row) * size_of(dtype_);
  return result;
}

Tensor Tensor::reshape(Shape shape) const {
  expect(defined(), "tensor: reshape() needs a defined tensor");
  require(shape.numel() == numel(), "tensor: expected a shape of {} elements to reshape {}, got {}",
          numel(), shape_.to_string(), shape.to_string());
  Tensor result = *this;
  result.shape_ = shape;
  return result;
}

Tensor Tensor::clone() const {
  if (!defined()) return {};
  Tensor result(shape_, dtype_);
  std::memcpy(result.data_, checked(dtype_), bytes());
  return result;
}

void Tensor::copy_from(const Tensor& source) {
  expect(defined() && source.defined(), "tensor: copy_from() needs two defined tensors");
  require(shape_ == source.shape_ && dtype_ == source.dtype_,
          "tensor: expected {} {} to copy from, got {} {}", name_of(dtype_), shape_.to_string(),
          name_of(source.dtype_), source.shape_.to_string());
  std::memmove(checked(dtype_), source.checked(dtype_), bytes());
  bump_version();
}

std::uint64_t Tensor::version() const { return storage_ ? storage_->version : 0; }
void Tensor::bump_version() {
  if (storage_) ++storage_->version;
}

std::byte* Tensor::checked(DType wanted) const {
  expect(defined(), "tensor: read of an undefined tensor");
  if (wanted != dtype_)  // the names cost more than the check
    expect(false, "tensor: expected element type {}, got {}", name_of(wanted), name_of(dtype_));
  if (data_ != nullptr) return data_;
  std::byte* const block = storage_->block;
  return block != nullptr ? block : storage_->compute(numel());
}

}  // namespace quench
