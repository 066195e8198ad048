#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "core/dtype.h"
#include "core/shape.h"

namespace quench {

class ElementSource;

struct ElementExtent {
  float least, largest;
};

/// A cheap handle on shared, 64-byte aligned, pooled storage.
///
/// Memory order: rank-4 tensors are channels-last: a logical [N, C, H, W] is stored as N, H, W, C
/// (and a weight [O, I, KH, KW] as O, KH, KW, I). All other ranks are row-major. There are no other
/// layouts and no strides. from_row_major() and to_row_major() convert from and to the order of
/// files and other frameworks.
///
/// Copying a Tensor copies the handle; clone() copies the data. Contents start uninitialised.
///
/// The elements of a deferred tensor are computed where they are read: a piece at a time by read(), which keeps
/// nothing, or all of them by the first data().
class Tensor {
 public:
  Tensor() = default;  ///< undefined: no shape, no data
  explicit Tensor(Shape shape, DType dtype = DType::f32);

  static Tensor zeros(Shape shape, DType dtype = DType::f32);
  static Tensor full(Shape shape, float value);
  static Tensor scalar(float value) { return full({}, value); }
  /// Copies `values`, given in row-major order of the logical shape, into memory order.
  /// @throws std::invalid_argument  if the count does not match
  template <Element T>
  static Tensor from_row_major(Shape shape, std::span<const T> values);
  template <Element T>
  static Tensor from_row_major(Shape shape, const std::vector<T>& values) {
    return from_row_major<T>(shape, std::span<const T>(values));
  }

  /// A deferred f32 tensor. @param source  keeps what it reads alive until all elements are computed
  static Tensor deferred(Shape shape, std::unique_ptr<const ElementSource> source);

  bool defined() const { return storage_ != nullptr; }
  const Shape& shape() const { return shape_; }
  std::int64_t dim(int axis) const { return shape_[axis]; }
  int rank() const { return shape_.rank(); }
  std::int64_t numel() const { return shape_.numel(); }
  DType dtype() const { return dtype_; }
  std::size_t bytes() const { return static_cast<std::size_t>(numel()) * size_of(dtype_); }

  /// The elements in memory order. @throws std::logic_error  if T is not the tensor's type
  template <Element T = float>
  T* data() {
    return reinterpret_cast<T*>(checked(kDTypeOf<T>));
  }
  template <Element T = float>
  const T* data() const {
    return reinterpret_cast<const T*>(checked(kDTypeOf<T>));
  }
  template <Element T = float>
  std::span<T> span() {
    return {data<T>(), static_cast<std::size_t>(numel())};
  }
  template <Element T = float>
  std::span<const T> span() const {
    return {data<T>(), static_cast<std::size_t>(numel())};
  }
  std::byte* bytes_begin() { return checked(dtype_); }
  const std::byte* bytes_begin() const { return checked(dtype_); }

  /// Whether no data() has computed the elements yet.
  bool deferred() const;
  /// Elements [begin, end) of an f32 tensor in memory order: where they are, or computed into `buffer`, which has room
  /// for them. Several threads may read at once, but none while another calls the first data().
  const float* read(std::int64_t begin, std::int64_t end, float* buffer) const;

  /// The extent of a deferred tensor's elements, if its source knows it. All elements are then finite.
  std::optional<ElementExtent> known_extent() const;

  /// The only element of a one-element f32 tensor. @throws std::logic_error  if there are others
  float item() const;

  /// The elements in row-major order of the logical shape.
  template <Element T = float>
  std::vector<T> to_row_major() const;

  /// Entries [begin, end) of axis 0, sharing memory. @throws std::invalid_argument  if out of range
  Tensor slice(std::int64_t begin, std::int64_t end) const;
  /// The same memory under another shape; [N, C, H, W] flattens to [N, H*W*C].
  /// @throws std::invalid_argument  if the number of elements differs
  Tensor reshape(Shape shape) const;
  Tensor clone() const;
  /// Copies the elements of `source` over this tensor's and bumps the version.
  /// @throws std::invalid_argument  if shape or type differ
  void copy_from(const Tensor& source);

  /// The number of bump_version() calls after in-place changes; shared by all handles on the
  /// storage. A node that saved a parameter compares it, so that a stale gradient becomes an error
  /// instead of a wrong number.
  std::uint64_t version() const;
  void bump_version();
  /// Whether this is the only handle, so that its memory may be reused.
  bool unique() const { return storage_.use_count() == 1; }
  bool shares_storage_with(const Tensor& other) const {
    return defined() && storage_ == other.storage_;
  }

 private:
  struct Storage;
  std::byte* checked(DType wanted) const;

  std::shared_ptr<Storage> storage_;
  std::byte* data_ = nullptr;  // null: at the begin of the storage, which may be deferred
  Shape shape_;
  DType dtype_ = DType::f32;
};

}  // namespace quench
