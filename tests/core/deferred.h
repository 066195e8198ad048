#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>

#include "core/element_source.h"
#include "core/tensor.h"

namespace quench::testing {

/// Deferred elements that are those of a tensor; counts how many were read.
class CopiedElements final : public ElementSource {
 public:
  explicit CopiedElements(Tensor tensor, std::atomic<std::int64_t>* reads = nullptr)
      : ElementSource("copy"), tensor_(std::move(tensor)), reads_(reads) {}
  void read(std::int64_t begin, std::int64_t end, float* to) const override {
    std::copy_n(tensor_.data() + begin, end - begin, to);
    if (reads_ != nullptr) *reads_ += end - begin;
  }

 private:
  Tensor tensor_;
  std::atomic<std::int64_t>* reads_;
};

inline Tensor defer(const Tensor& tensor, std::atomic<std::int64_t>* reads = nullptr) {
  return Tensor::deferred(tensor.shape(), std::make_unique<CopiedElements>(tensor, reads));
}

}  // namespace quench::testing
