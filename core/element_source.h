#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "core/profiler.h"
#include "core/tensor.h"

namespace quench {

/// Computes the elements of a deferred tensor from other tensors, a piece at a time. A batch norm whose output only a
/// quantizer reads is then a part of the quantizer's pass over memory.
class ElementSource {
 public:
  static constexpr std::int64_t kPiece = 2048;  ///< 8 KB of floats, which stay in the first cache

  /// @param operation, pass  as in ProfileScope: who computes the elements if all are wanted
  explicit ElementSource(std::string_view operation,
                         ProfileScope::Pass pass = ProfileScope::Pass::forward)
      : operation_(operation), pass_(pass) {}
  virtual ~ElementSource() = default;
  ElementSource(const ElementSource&) = delete;
  ElementSource& operator=(const ElementSource&) = delete;

  /// Writes elements [begin, end) in memory order, at most kPiece, to `to`. Several threads call it at once; it must
  /// not throw, and gives the same bits for an element in any range.
  virtual void read(std::int64_t begin, std::int64_t end, float* to) const = 0;

  /// The extent of all elements if it is known without reading them; then all are finite.
  virtual std::optional<ElementExtent> extent() const { return std::nullopt; }

  std::string_view operation() const { return operation_; }
  ProfileScope::Pass pass() const { return pass_; }

 private:
  std::string_view operation_;
  ProfileScope::Pass pass_;
};

}  // namespace quench
