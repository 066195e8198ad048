#pragma once

// Private to the folder: where the numbers of an activation go when a graph gives it other axes.

#include <cstdint>
#include <optional>
#include <vector>

#include "core/ops/rearrange.h"
#include "onnx/import/value.h"

namespace quench::onnx_network {

/// What makes of `from` an image `to`, whose numbers in ONNX's order are those of `from` once a Transpose
/// has put its dims behind the batch into the order of `axes`, counted from 0.
/// @return  nothing for sizes that have no common divisors where axes are cut, or features of several images
std::optional<Rearrangement> rearrangement(const Value& from, const std::vector<std::int64_t>& axes,
                                           const Value& to);
/// The same without a Transpose: only the dims are others.
std::optional<Rearrangement> rearrangement(const Value& from, const Value& to);

}  // namespace quench::onnx_network
