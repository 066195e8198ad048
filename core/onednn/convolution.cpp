#include "core/onednn/convolution.h"

#include <algorithm>
#include <oneapi/dnnl/dnnl.hpp>
#include <utility>
#include <vector>

#include "core/onednn/convolution_desc.h"
#include "core/onednn/library.h"
#include "core/onednn/primitive.h"
#include "core/parallel.h"

namespace quench::onednn {
namespace {

/// The key of a prepared pass, in addition to the parameters. A primitive splits its work when it
/// is created, so it is valid only for that number of threads.
struct Key {
  Shape activations, weight;
  DType operands = DType::f32;
  bool bias = false;
  Epilogue epilogue = {};
  int threads = num_threads();
  bool operator==(const Key&) const = default;
};

enum class Pass { forward, backward_data, backward_weights };

/// Whether a pass is faster in oneDNN's blocked layouts, including the copies of the activations.
///
/// A fixed rule, not a measurement at run time: the layouts round differently, and runs must be
/// bit-reproducible.
//
// Measured with oneDNN 2.6.3 on a Zen 4, one thread; ms per call, channels-last / blocked with its
// copies.
//
//   3x3, pad 1, batch 64     forward        backward_data   backward_weights
//   AVX2    3->128 32x32       5.2 /   7.0    24.3 /  17.2      5.2 /   8.5
//         128->128 32x32     219.4 / 176.1   197.4 / 173.2    234.3 / 209.5
//         256->256 16x16     200.2 / 178.6   184.5 / 173.9    232.8 / 197.8
//         512->512  8x8      192.1 / 176.7   179.2 / 183.0    308.7 / 264.1
//   (128)  32->32  32x32      24.8 /  23.9    26.3 /  24.3     27.3 /  28.5
//   (128)  64->64  16x16      24.3 /  22.3    26.7 /  21.6     25.3 /  24.0
//   AVX-512 3->128 32x32       5.6 /   6.5    22.8 /  25.9      4.4 /   9.1
//         128->128 32x32     168.8 / 170.9   168.0 / 168.4    173.3 / 203.8
//         256->256 16x16     154.9 / 156.1   155.3 / 156.3    164.0 / 175.2
//         512->512  8x8      143.4 / 141.4   141.8 / 141.8    156.7 / 168.7
//
// 1x1 and depthwise convolutions do too little work per pixel to pay for a copy on either CPU.
bool blocked_layout_pays(Pass pass, const Shape& input, const Shape& weight,
                         const Conv2dParams& params) {
  if (has_avx512() || params.groups > 1 || weight[2] * weight[3] == 1) return false;
  const std::int64_t channels = std::min(input[1], weight[0]);
  const bool small_image = input[2] * input[3] <= 64;
  switch (pass) {
    case Pass::forward:
    case Pass::backward_weights:
      return channels >= 64;
    case Pass::backward_data:
      return channels >= 32 && !small_image;
  }
  return false;
}

/// Our layouts, and those that the kernel may choose: always for weights, for activations if
/// blocked_layout_pays(). The result of a pass is f32 for both types of operands.
struct Layouts {
  ConvolutionDescs ours, offered;

  Layouts(const Key& key, const Conv2dParams& params, Pass pass) {
    const Shape output = conv2d_output_shape(key.activations, key.weight, params);
    const auto type = [&](Pass result) { return pass == result ? DType::f32 : key.operands; };
    ours = {.source = activation_desc(key.activations, type(Pass::backward_data)),
            .weights = weight_desc(key.weight, params.groups, type(Pass::backward_weights)),
            .bias = {},
            .destination = activation_desc(output, type(Pass::forward))};
    if (key.bias)
      ours.bias = {{output[1]}, dnnl::memory::data_type::f32, dnnl::memory::format_tag::x};
    offered = ours;
    offered.weights = any_layout(ours.weights);
    if (blocked_layout_pays(pass, key.activations, key.weight, params)) {
      offered.source = any_layout(ours.source);
      // The addend is already in the output, in our layout.
      if (!key.epilogue.accumulate) offered.destination = any_layout(ours.destination);
    }
  }
};

struct ForwardPass {
  ForwardPass(const Key& key, const Conv2dParams& params) {
    const auto [ours, offered] = Layouts(key, params, Pass::forward);
    const auto desc = forward_desc(offered, params, key.epilogue);
    input = Relayout(ours.source, desc.src_desc());
    weight = Relayout(ours.weights, desc.weights_desc());
    bias = ours.bias;
    output = Relayout(desc.dst_desc(), ours.destination);
    kernel = Primitive(desc);
  }

  Relayout input, weight, output;
  dnnl::memory::desc bias;
  Primitive kernel;
};

struct BackwardDataPass {
  BackwardDataPass(const Key& key, const Conv2dParams& params) {
    const auto [ours, offered] = Layouts(key, params, Pass::backward_data);
    const auto desc = backward_data_desc(offered, params);
    grad_output = Relayout(ours.destination, desc.diff_dst_desc());
    weight = Relayout(ours.weights, desc.weights_desc());
    grad_input = Relayout(desc.diff_src_desc(), ours.source);
    kernel = Primitive(desc);
  }

  Relayout grad_output, weight, grad_input;
  Primitive kernel;
};

struct BackwardWeightsPass {
  BackwardWeightsPass(const Key& key, const Conv2dParams& params) {
    const auto [ours, offered] = Layouts(key, params, Pass::backward_weights);
    const auto desc = backward_weights_desc(offered, params);
    input = Relayout(ours.source, desc.src_desc());
    grad_output = Relayout(ours.destination, desc.diff_dst_desc());
    grad_weight = Relayout(desc.diff_weights_desc(), ours.weights);
    kernel = Primitive(desc);
  }

  void run(const Tensor& from, const Tensor& grad_to, Tensor& grad) const {
    const Tensor source = input.apply(from);
    const Tensor grad_destination = grad_output.apply(grad_to);
    const Tensor grad_weights = grad_weight.staging(grad);
    kernel.execute({{DNNL_ARG_SRC, input.to(), source},
                    {DNNL_ARG_DIFF_DST, grad_output.to(), grad_destination},
                    {DNNL_ARG_DIFF_WEIGHTS, grad_weight.from(), grad_weights}});
    grad_weight.finish(grad_weights, grad);
  }

  Relayout input, grad_output, grad_weight;
  Primitive kernel;
};

/// The gradient of the weight over pieces of the batch, each computed by one thread and then added up in
/// order: the pieces depend on the batch alone.
//
// By oneDNN 2.6.3 on a Zen 4, eight pieces of 32 images take 0.7 to 1.25 times as long as the batch in one
// pass by one thread: 1.0 for the layers of ResNet-20, 1.25 for 512 -> 512 channels of 4x4.
class OrderedBackwardWeights {
 public:
  OrderedBackwardWeights(const Shape& input, const Shape& weight, const Conv2dParams& params)
      : input_(input), weight_(weight) {
    constexpr std::int64_t kMostPieces = 8;
    const std::int64_t count = std::min(input[0], kMostPieces);
    pieces_.resize(static_cast<std::size_t>(count));
    run_tasks(count, [&](std::int64_t i) {
      Piece& piece = pieces_[static_cast<std::size_t>(i)];
      piece.begin = input[0] * i / count;
      piece.end = input[0] * (i + 1) / count;
      const Key key{.activations = input.with(0, piece.end - piece.begin), .weight = weight};
      piece.pass = std::make_unique<BackwardWeightsPass>(key, params);
    });
  }

  bool serves(const Shape& input, const Shape& weight) const {
    return input == input_ && weight == weight_;
  }

  void run(const Tensor& input, const Tensor& grad_output, Tensor& grad_weight) const {
    std::vector<Tensor> parts(pieces_.size());
    run_tasks(std::ssize(pieces_), [&](std::int64_t i) {
      const auto& [begin, end, pass] = pieces_[static_cast<std::size_t>(i)];
      Tensor part(weight_);
      pass->run(input.slice(begin, end), grad_output.slice(begin, end), part);
      parts[static_cast<std::size_t>(i)] = part;
    });
    float* total = grad_weight.data();
    parallel_for(grad_weight.numel(), kParallelGrain, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t w = begin; w < end; ++w) {
        double sum = 0.0;
        for (const Tensor& part : parts) sum += static_cast<double>(part.data()[w]);
        total[w] = static_cast<float>(sum);
      }
    });
  }

 private:
  struct Piece {
    std::int64_t begin = 0, end = 0;
    std::unique_ptr<BackwardWeightsPass> pass;
  };

  Shape input_, weight_;
  std::vector<Piece> pieces_;
};

/// The few variants of one pass that a run needs: full batch, last partial batch, evaluation batch.
template <typename Prepared>
class Variants {
 public:
  const Prepared& get(const Key& key, const Conv2dParams& params) {
    for (const auto& [known, pass] : passes_) {
      if (known == key) return *pass;
    }
    // Bounded: a run over images of many sizes must not grow forever.
    constexpr std::size_t kMost = 16;
    if (passes_.size() == kMost) passes_.erase(passes_.begin());
    passes_.emplace_back(key, std::make_unique<Prepared>(key, params));
    return *passes_.back().second;
  }

 private:
  std::vector<std::pair<Key, std::unique_ptr<Prepared>>> passes_;
};

}  // namespace

struct Convolution::Cache {
  Variants<ForwardPass> forward;
  Variants<BackwardDataPass> backward_data;
  Variants<BackwardWeightsPass> backward_weights;
  std::unique_ptr<OrderedBackwardWeights> ordered_backward_weights;  // of the latest shapes

  // This handle keeps the storage alive, so that its address cannot be reused for another tensor.
  Tensor weight, relaid_weight;
  std::uint64_t weight_version = 0;
  dnnl::memory::desc relaid_desc;

  /// The weight in the kernel's layout, copied only if it changed since the last call.
  Tensor relaid(const Tensor& current, const Relayout& relayout) {
    if (!relayout.needed()) return current;
    const bool known = relaid_weight.defined() && weight.shares_storage_with(current) &&
                       weight.bytes_begin() == current.bytes_begin() &&
                       weight.shape() == current.shape() && weight_version == current.version() &&
                       relaid_desc == relayout.to();
    if (!known) {
      relaid_weight = {};  // frees the block first, so that it can be reused
      relaid_weight = relayout.apply(current);
      weight = current;
      weight_version = current.version();
      relaid_desc = relayout.to();
    }
    return relaid_weight;
  }
};

Convolution::Convolution(const Conv2dParams& params)
    : params_(params), cache_(std::make_unique<Cache>()) {}
Convolution::~Convolution() = default;

void Convolution::forward(const Tensor& input, const Tensor& weight, const Tensor& bias,
                          const Epilogue& epilogue, Tensor& output) {
  const ForwardPass& pass = cache_->forward.get({.activations = input.shape(),
                                                 .weight = weight.shape(),
                                                 .operands = input.dtype(),
                                                 .bias = bias.defined(),
                                                 .epilogue = epilogue},
                                                params_);
  const Tensor source = pass.input.apply(input);
  const Tensor weights = cache_->relaid(weight, pass.weight);
  const Tensor destination = pass.output.staging(output);
  pass.kernel.execute({{DNNL_ARG_SRC, pass.input.to(), source},
                       {DNNL_ARG_WEIGHTS, pass.weight.to(), weights},
                       {DNNL_ARG_BIAS, pass.bias, bias},
                       {DNNL_ARG_DST, pass.output.from(), destination}});
  pass.output.finish(destination, output);
}

void Convolution::backward_data(const Tensor& grad_output, const Tensor& weight,
                                Tensor& grad_input) {
  const BackwardDataPass& pass = cache_->backward_data.get(
      {.activations = grad_input.shape(), .weight = weight.shape(), .operands = weight.dtype()},
      params_);
  const Tensor grad_destination = pass.grad_output.apply(grad_output);
  const Tensor weights = pass.weight.apply(weight);
  const Tensor grad_source = pass.grad_input.staging(grad_input);
  pass.kernel.execute({{DNNL_ARG_DIFF_DST, pass.grad_output.to(), grad_destination},
                       {DNNL_ARG_WEIGHTS, pass.weight.to(), weights},
                       {DNNL_ARG_DIFF_SRC, pass.grad_input.from(), grad_source}});
  pass.grad_input.finish(grad_source, grad_input);
}

void Convolution::backward_weights(const Tensor& input, const Tensor& grad_output,
                                   Tensor& grad_weight) {
  const Shape &activations = input.shape(), &weight = grad_weight.shape();
  // Calibration, which needs a fixed order, is in f32.
  if (!fixed_order() || input.dtype() != DType::f32) {
    cache_->backward_weights
        .get({.activations = activations, .weight = weight, .operands = input.dtype()}, params_)
        .run(input, grad_output, grad_weight);
    return;
  }
  auto& ordered = cache_->ordered_backward_weights;
  if (ordered == nullptr || !ordered->serves(activations, weight))
    ordered = std::make_unique<OrderedBackwardWeights>(activations, weight, params_);
  ordered->run(input, grad_output, grad_weight);
}

}  // namespace quench::onednn
