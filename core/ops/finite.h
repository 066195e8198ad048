#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "core/tensor.h"

namespace quench {

/// The first NaN or infinity in row-major order, with its position: "nan at [0, 2, 1, 1]"; empty if
/// all values are finite.
/// @param sizes  of the tensor that has these values
std::string first_non_finite(std::span<const float> values, std::span<const std::int64_t> sizes);
/// The same; tensors of other types than f32 count as finite.
std::string first_non_finite(const Tensor& tensor);

}  // namespace quench
