#pragma once

// Private to the folder: the moves of an activation's values when a graph permutes or splits axes.

#include <cstdint>
#include <optional>
#include <vector>

#include "core/ops/rearrange.h"
#include "onnx/import/value.h"

namespace quench::onnx {

/// The rearrangement from `from` to the image `to`. In ONNX's order, `to` has the values of `from`
/// after a Transpose of its dims after the batch by `axes`, counted from 0.
/// @return  null if axes cannot be split into common factors, or for features of several images
std::optional<Rearrangement> rearrangement(const Value& from, const std::vector<std::int64_t>& axes,
                                           const Value& to);
/// The same without a Transpose: only the dims differ.
std::optional<Rearrangement> rearrangement(const Value& from, const Value& to);

}  // namespace quench::onnx
