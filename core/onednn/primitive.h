#pragma once

#include <initializer_list>
#include <oneapi/dnnl/dnnl.hpp>
#include <unordered_map>

#include "core/tensor.h"

/// What all oneDNN wrappers share. For this folder alone: it brings in oneDNN's headers.
namespace quench::onednn {

const dnnl::engine& cpu_engine();

/// Attributes that leave scratch memory to us, so that it is pooled, counted and reused.
dnnl::primitive_attr user_scratchpad();

/// A pooled buffer large enough for `desc`.
Tensor buffer(const dnnl::memory::desc& desc);

/// What a primitive gets as one of its DNNL_ARG_..., in a layout that does not change.
struct Operand {
  int argument;
  const dnnl::memory::desc& layout;
  const Tensor& tensor;  ///< an undefined one is left out
};

/// A oneDNN primitive that takes its scratch memory from the pool. One thread may use it at a time.
class Primitive {
 public:
  Primitive() = default;
  explicit Primitive(const dnnl::primitive_desc_base& desc)
      : primitive_(desc.get()), scratchpad_(desc.scratchpad_desc()) {}

  void execute(std::initializer_list<Operand> operands) const;

 private:
  void bind(const Operand& operand) const;

  dnnl::primitive primitive_;
  dnnl::memory::desc scratchpad_;
  // Made once, since they cost as much as the smallest kernels, and pointed anew in each call.
  mutable std::unordered_map<int, dnnl::memory> memories_;
};

/// Copies between two layouts of the same values; nothing at all if the layouts are equal.
class Relayout {
 public:
  Relayout() = default;
  Relayout(const dnnl::memory::desc& from, const dnnl::memory::desc& to);

  bool needed() const { return needed_; }
  const dnnl::memory::desc& from() const { return from_; }
  const dnnl::memory::desc& to() const { return to_; }

  /// For what a kernel reads: `source`, or a pooled copy of it in the other layout.
  Tensor apply(const Tensor& source) const;
  /// For what a kernel writes: where to put it, which is `target` itself if the layouts are equal.
  Tensor staging(const Tensor& target) const;
  /// Moves what staging() gave on to `target`.
  void finish(const Tensor& staged, const Tensor& target) const;

 private:
  bool needed_ = false;
  dnnl::memory::desc from_, to_;
  Primitive reorder_;
};

}  // namespace quench::onednn
