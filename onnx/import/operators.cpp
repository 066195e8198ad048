#include "onnx/import/operators.h"

#include <array>

namespace quench::onnx_network {
namespace {

struct Entry {
  std::string_view name;
  Build build;
};

constexpr std::array kOperators{
    Entry{"Add", build_add},
    Entry{"AveragePool", build_average_pool},
    Entry{"BatchNormalization", build_batch_norm},
    Entry{"Cast", build_identity},
    Entry{"Clip", build_activation},
    Entry{"Concat", build_concat},
    Entry{"Conv", build_conv},
    Entry{"Div", build_div},
    Entry{"Dropout", build_dropout},
    Entry{"Flatten", build_flatten},
    Entry{"Gemm", build_gemm},
    Entry{"GlobalAveragePool", build_global_average_pool},
    Entry{"HardSigmoid", build_hard_sigmoid},
    Entry{"HardSwish", build_hard_swish},
    Entry{"Identity", build_identity},
    Entry{"LeakyRelu", build_leaky_relu},
    Entry{"LogSoftmax", build_softmax},
    Entry{"MatMul", build_matmul},
    Entry{"MaxPool", build_max_pool},
    Entry{"Mul", build_mul},
    Entry{"Pad", build_pad},
    Entry{"ReduceMean", build_reduce_mean},
    Entry{"Relu", build_activation},
    Entry{"Reshape", build_reshape},
    Entry{"Shape", build_shape},
    Entry{"Sigmoid", build_sigmoid},
    Entry{"Slice", build_slice},
    Entry{"Softmax", build_softmax},
    Entry{"Squeeze", build_squeeze},
    Entry{"Sub", build_sub},
    Entry{"Transpose", build_transpose},
    Entry{"Unsqueeze", build_unsqueeze},
};

}  // namespace

Build find_operator(std::string_view name) {
  for (const Entry& entry : kOperators) {
    if (entry.name == name) return entry.build;
  }
  return nullptr;
}

}  // namespace quench::onnx_network
