#pragma once

#include <initializer_list>
#include <oneapi/dnnl/dnnl.hpp>
#include <unordered_map>

#include "core/tensor.h"

/// Shared by the oneDNN wrappers. Private to this folder, because it includes oneDNN's headers.
namespace quench::onednn {

const dnnl::engine& cpu_engine();

/// Attributes that let us provide the scratch memory, so that it is pooled, counted and reused.
dnnl::primitive_attr user_scratchpad();

/// A pooled buffer large enough for `desc`.
Tensor buffer(const dnnl::memory::desc& desc);

/// One argument (DNNL_ARG_...) of a primitive, in a fixed layout.
struct Operand {
  int argument;
  const dnnl::memory::desc& layout;
  const Tensor& tensor;  ///< omitted if undefined
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
  // Created once, because creation costs as much as the smallest kernels; each call only sets the
  // pointers.
  mutable std::unordered_map<int, dnnl::memory> memories_;
};

/// Copies values from one layout to another; does nothing if the layouts are equal.
class Relayout {
 public:
  Relayout() = default;
  Relayout(const dnnl::memory::desc& from, const dnnl::memory::desc& to);

  bool needed() const { return needed_; }
  const dnnl::memory::desc& from() const { return from_; }
  const dnnl::memory::desc& to() const { return to_; }

  /// For a kernel's input: `source`, or a pooled copy of it in the other layout.
  Tensor apply(const Tensor& source) const;
  /// For a kernel's output: the buffer to write to, which is `target` itself if the layouts are
  /// equal.
  Tensor staging(const Tensor& target) const;
  /// Copies the buffer from staging() to `target`.
  void finish(const Tensor& staged, const Tensor& target) const;

 private:
  bool needed_ = false;
  dnnl::memory::desc from_, to_;
  Primitive reorder_;
};

}  // namespace quench::onednn
