#pragma once

#include <cstdint>
#include <functional>
#include <numeric>
#include <vector>

#include "core/tensor.h"

namespace quench {

/// A reordering of the values of an image [C, H, W]. The image's memory (H, W, C) is viewed as an
/// array of shape `dims`, whose axes are permuted to `axes`; the result is the memory of an image
/// of `size`. Every reshape and transpose of an image has this form.
struct Rearrangement {
  std::vector<std::int64_t> dims;
  std::vector<std::int64_t> axes;  ///< each axis of dims once
  std::vector<std::int64_t> size;  ///< C, H, W of the result

  bool operator==(const Rearrangement&) const = default;
};

/// @throws std::invalid_argument  unless dims and size hold the same number of values, all sizes
///                                are at least 1, and axes is a permutation
void check_rearrangement(const Rearrangement& rearrangement);

/// Calls copy(from, to, count) for each run of values that stay contiguous: its offsets in an
/// image's memory before and after.
template <typename Copy>
void for_each_run(const Rearrangement& rearrangement, Copy copy) {
  const auto& [dims, axes, size] = rearrangement;
  std::vector<std::int64_t> apart(dims.size(), 1);
  for (std::size_t i = dims.size(); i-- > 1;) apart[i - 1] = apart[i] * dims[i];
  std::int64_t run = 1;
  std::size_t outer = axes.size();
  while (outer > 0 && apart[static_cast<std::size_t>(axes[outer - 1])] == run)
    run *= dims[static_cast<std::size_t>(axes[--outer])];
  const std::int64_t values =
      std::accumulate(dims.begin(), dims.end(), std::int64_t{1}, std::multiplies<>());
  std::vector<std::int64_t> at(outer, 0);
  for (std::int64_t from = 0, to = 0; to < values; to += run) {
    copy(from, to, run);
    for (std::size_t i = outer; i-- > 0;) {
      const auto axis = static_cast<std::size_t>(axes[i]);
      from += apart[axis];
      if (++at[i] < dims[axis]) break;
      from -= apart[axis] * dims[axis];
      at[i] = 0;
    }
  }
}

/// Rearranges each image: [N, ...] to [N, C, H, W] of the rearrangement's size.
/// @throws std::invalid_argument  as check_rearrangement(), or for another number of values per
///                                image
Tensor rearrange(const Tensor& x, const Rearrangement& rearrangement);

/// Moves each gradient to the position of its source value.
/// @param input  the shape of x
Tensor rearrange_backward(const Tensor& grad_output, const Rearrangement& rearrangement,
                          const Shape& input);

}  // namespace quench
