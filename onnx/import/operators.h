#pragma once

// Private to the folder: one function per operator, which adds what the node computes to the network.

#include <string_view>

#include "onnx/import/builder.h"

namespace quench::onnx_network {

using Build = void (*)(Builder&, const OnnxNode&);

/// Null for an operator that no module of quench computes.
Build find_operator(std::string_view name);

// Layers with a weight.
void build_conv(Builder& builder, const OnnxNode& node);
void build_gemm(Builder& builder, const OnnxNode& node);
void build_matmul(Builder& builder, const OnnxNode& node);

void build_batch_norm(Builder& builder, const OnnxNode& node);

// Sums and products, of two activations or with constants.
void build_add(Builder& builder, const OnnxNode& node);
void build_sub(Builder& builder, const OnnxNode& node);
void build_mul(Builder& builder, const OnnxNode& node);
void build_div(Builder& builder, const OnnxNode& node);

// Functions of one number.
void build_activation(Builder& builder, const OnnxNode& node);
void build_leaky_relu(Builder& builder, const OnnxNode& node);
void build_hard_sigmoid(Builder& builder, const OnnxNode& node);
void build_hard_swish(Builder& builder, const OnnxNode& node);
void build_sigmoid(Builder& builder, const OnnxNode& node);
void build_dropout(Builder& builder, const OnnxNode& node);
void build_softmax(Builder& builder, const OnnxNode& node);
void build_identity(Builder& builder, const OnnxNode& node);

// Windows over an image. Slice takes every so manieth row and column.
void build_max_pool(Builder& builder, const OnnxNode& node);
void build_average_pool(Builder& builder, const OnnxNode& node);
void build_global_average_pool(Builder& builder, const OnnxNode& node);
void build_reduce_mean(Builder& builder, const OnnxNode& node);
void build_slice(Builder& builder, const OnnxNode& node);

// What moves numbers, and the sizes that they have.
void build_flatten(Builder& builder, const OnnxNode& node);
void build_reshape(Builder& builder, const OnnxNode& node);
void build_squeeze(Builder& builder, const OnnxNode& node);
void build_unsqueeze(Builder& builder, const OnnxNode& node);
void build_transpose(Builder& builder, const OnnxNode& node);
void build_concat(Builder& builder, const OnnxNode& node);
void build_pad(Builder& builder, const OnnxNode& node);
void build_shape(Builder& builder, const OnnxNode& node);

}  // namespace quench::onnx_network
