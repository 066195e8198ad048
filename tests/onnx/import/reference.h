#pragma once

// What an ONNX graph computes, by plain loops in double precision over row-major tensors of any rank: no
// layouts, no fusion, one node after the other, as the operators' specification says.

#include <cstdint>
#include <vector>

#include "onnx/file/model.h"

namespace quench::onnx {

struct ReferenceTensor {
  std::vector<std::int64_t> dims;
  std::vector<double> values;
};

/// The graph's output for `images`. @throws std::invalid_argument  for an operator not known here
ReferenceTensor run_reference(const OnnxModel& model, const ReferenceTensor& images);

}  // namespace quench::onnx
