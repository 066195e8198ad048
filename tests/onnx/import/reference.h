#pragma once

// A reference for ONNX graphs: plain loops in double precision over row-major tensors of any rank, without
// layouts or fusion, node by node, following the operators' specification.

#include <cstdint>
#include <vector>

#include "onnx/file/model.h"

namespace quench::onnx {

struct ReferenceTensor {
  std::vector<std::int64_t> dims;
  std::vector<double> values;
};

/// The graph's output for `images`. @throws std::invalid_argument  for an unknown operator
ReferenceTensor run_reference(const OnnxModel& model, const ReferenceTensor& images);

}  // namespace quench::onnx
