#pragma once

/// quench as a library: `#include <quench/quench.h>` has all that programs outside may use. Every header is also
/// there by itself, as <quench/core/tensor.h>. docs/library.md has an example and the build commands.
///
/// The map, bottom to top; each namespace may use those above it:
///
///   quench            Tensor, Shape, Random; ops on tensors; Variable and the tape; Settings; require()
///   quench::quant     Quantizer, its grid, the registry of methods, the Policy that assigns them to layers
///   quench::layers    Module, Sequential and the layers; quench::layers::models has whole networks
///   quench::datasets  data sets, transforms, the Loader of batches
///   quench::ptq       calibration, folding, equalization, bias correction, reconstruction: no training
///   quench::deploy    freeze() makes integers of a network, Engine runs them, verify() compares
///   quench::onnx      networks from ONNX files and back
///   quench::train     Trainer, optimizers, evaluate(), a network's state
///   quench::cli       run_program(): every command of `quench`, for a program with its own quantizers
///
/// Errors are std::invalid_argument for bad arguments, std::runtime_error for files and machines, and
/// std::logic_error for calls in the wrong order. Their messages name the thing, its value and what is accepted.

#include "autograd/activation.h"
#include "autograd/arithmetic.h"
#include "autograd/loss.h"
#include "autograd/nn.h"
#include "autograd/node.h"
#include "autograd/norm.h"
#include "autograd/shape_ops.h"
#include "autograd/variable.h"
#include "cli/program.h"
#include "core/ops/activation.h"
#include "core/ops/batch_norm.h"
#include "core/ops/conv2d.h"
#include "core/ops/elementwise.h"
#include "core/ops/gemm.h"
#include "core/ops/pool.h"
#include "core/ops/reduce.h"
#include "core/ops/shape_ops.h"
#include "core/ops/softmax.h"
#include "core/parallel.h"
#include "core/random.h"
#include "core/safetensors.h"
#include "core/tensor.h"
#include "datasets/cifar.h"
#include "datasets/dataset.h"
#include "datasets/image_folder.h"
#include "datasets/loader.h"
#include "datasets/mnist.h"
#include "datasets/registry.h"
#include "datasets/synthetic.h"
#include "datasets/transform.h"
#include "deploy/engine/engine.h"
#include "deploy/freeze.h"
#include "deploy/integer_only/requantizers.h"
#include "deploy/interpreter/interpreter.h"
#include "deploy/network/integer_network.h"
#include "deploy/network/model_file.h"
#include "deploy/verify.h"
#include "layers/activation.h"
#include "layers/arithmetic.h"
#include "layers/attach_quantizers.h"
#include "layers/batch_norm.h"
#include "layers/composite.h"
#include "layers/conv2d.h"
#include "layers/graph.h"
#include "layers/linear.h"
#include "layers/loss.h"
#include "layers/models/registry.h"
#include "layers/module.h"
#include "layers/normalization.h"
#include "layers/pool.h"
#include "layers/shape_layers.h"
#include "onnx/export/export_float.h"
#include "onnx/export/export_integers.h"
#include "onnx/file/read.h"
#include "onnx/file/write.h"
#include "onnx/import/network.h"
#include "ptq/absorb_bias.h"
#include "ptq/bias_correction.h"
#include "ptq/calibrate.h"
#include "ptq/equalize.h"
#include "ptq/fold.h"
#include "ptq/reconstruction/reconstruct.h"
#include "ptq/rescale_depthwise.h"
#include "ptq/sqnr.h"
#include "quant/capabilities.h"
#include "quant/code.h"
#include "quant/grid.h"
#include "quant/parts/straight_through.h"
#include "quant/parts/trained_map.h"
#include "quant/policy.h"
#include "quant/quantizer.h"
#include "quant/registry.h"
#include "quant/saved_state.h"
#include "quant/statistics/batch_statistics.h"
#include "quant/statistics/moments.h"
#include "quant/statistics/value_range.h"
#include "support/error.h"
#include "support/settings.h"
#include "train/evaluate.h"
#include "train/lr_schedule.h"
#include "train/network_state.h"
#include "train/optimizer.h"
#include "train/trainer.h"
