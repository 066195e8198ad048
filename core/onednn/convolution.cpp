#include "core/onednn/convolution.h"

#include <vector>

#include "core/onednn/convolution_desc.h"
#include "core/onednn/primitive.h"
#include "core/parallel.h"

namespace quench::onednn {
namespace {

/// What a prepared pass depends on, besides the parameters. A primitive splits its work at
/// creation, so it serves only the thread count it was made for.
struct Key {
  Shape activations, weight;
  bool bias = false;
  int threads = num_threads();
  bool operator==(const Key&) const = default;
};

struct ForwardPass {
  explicit ForwardPass(const Key& key, const Conv2dParams& params) {
    const Shape output = conv2d_output_shape(key.activations, key.weight, params);
    const dnnl::memory::desc weight = weight_desc(key.weight, params.groups);
    ConvolutionDescs descs{.source = activation_desc(key.activations),
                           .weights = any_layout(weight),
                           .bias = {},
                           .destination = activation_desc(output)};
    if (key.bias) {
      descs.bias = {{output[1]}, dnnl::memory::data_type::f32, dnnl::memory::format_tag::x};
    }
    const auto desc = forward_desc(descs, params);
    source = desc.src_desc();
    weights = desc.weights_desc();
    bias = descs.bias;
    destination = desc.dst_desc();
    relay_weights = Relayout(weight, weights);
    kernel = Primitive(desc);
  }

  dnnl::memory::desc source, weights, bias, destination;
  Relayout relay_weights;
  Primitive kernel;
};

struct BackwardDataPass {
  BackwardDataPass(const Key& key, const Conv2dParams& params) {
    const Shape output = conv2d_output_shape(key.activations, key.weight, params);
    const dnnl::memory::desc weight = weight_desc(key.weight, params.groups);
    const auto desc = backward_data_desc({.source = activation_desc(key.activations),
                                          .weights = any_layout(weight),
                                          .bias = {},
                                          .destination = activation_desc(output)},
                                         params);
    grad_source = desc.diff_src_desc();
    weights = desc.weights_desc();
    grad_destination = desc.diff_dst_desc();
    relay_weights = Relayout(weight, weights);
    kernel = Primitive(desc);
  }

  dnnl::memory::desc grad_source, weights, grad_destination;
  Relayout relay_weights;
  Primitive kernel;
};

struct BackwardWeightsPass {
  BackwardWeightsPass(const Key& key, const Conv2dParams& params) {
    const Shape output = conv2d_output_shape(key.activations, key.weight, params);
    const dnnl::memory::desc weight = weight_desc(key.weight, params.groups);
    const auto desc = backward_weights_desc({.source = activation_desc(key.activations),
                                             .weights = any_layout(weight),
                                             .bias = {},
                                             .destination = activation_desc(output)},
                                            params);
    source = desc.src_desc();
    grad_weights = desc.diff_weights_desc();
    grad_destination = desc.diff_dst_desc();
    relay_grad = Relayout(grad_weights, weight);
    kernel = Primitive(desc);
  }

  dnnl::memory::desc source, grad_weights, grad_destination;
  Relayout relay_grad;
  Primitive kernel;
};

/// The few variants of one pass that a run meets: training batch, last partial batch, evaluation
/// batch.
template <typename Pass>
class Variants {
 public:
  const Pass& get(const Key& key, const Conv2dParams& params) {
    for (const auto& [known, pass] : passes_) {
      if (known == key) return *pass;
    }
    // A run over images of ever changing size must not grow without bound.
    constexpr std::size_t kMost = 16;
    if (passes_.size() == kMost) passes_.erase(passes_.begin());
    passes_.emplace_back(key, std::make_unique<Pass>(key, params));
    return *passes_.back().second;
  }

 private:
  std::vector<std::pair<Key, std::unique_ptr<Pass>>> passes_;
};

}  // namespace

struct Convolution::Cache {
  Variants<ForwardPass> forward;
  Variants<BackwardDataPass> backward_data;
  Variants<BackwardWeightsPass> backward_weights;

  // The handle keeps the storage alive, so that its address cannot come to mean another tensor.
  Tensor weight, relaid_weight;
  std::uint64_t weight_version = 0;
  dnnl::memory::desc relaid_desc;

  Tensor relaid(const Tensor& current, const ForwardPass& pass) {
    if (!pass.relay_weights.needed()) return current;
    const bool known = relaid_weight.defined() && weight.shares_storage_with(current) &&
                       weight.bytes_begin() == current.bytes_begin() &&
                       weight.shape() == current.shape() && weight_version == current.version() &&
                       relaid_desc == pass.weights;
    if (!known) {
      relaid_weight = {};  // back to the pool first, to be used again
      relaid_weight = pass.relay_weights.apply(current);
      weight = current;
      weight_version = current.version();
      relaid_desc = pass.weights;
    }
    return relaid_weight;
  }
};

Convolution::Convolution(const Conv2dParams& params)
    : params_(params), cache_(std::make_unique<Cache>()) {}
Convolution::~Convolution() = default;

void Convolution::forward(const Tensor& input, const Tensor& weight, const Tensor& bias,
                          Tensor& output) {
  const ForwardPass& pass = cache_->forward.get(
      {.activations = input.shape(), .weight = weight.shape(), .bias = bias.defined()}, params_);
  const Tensor weights = cache_->relaid(weight, pass);
  Arguments arguments{{DNNL_ARG_SRC, view(pass.source, input)},
                      {DNNL_ARG_WEIGHTS, view(pass.weights, weights)},
                      {DNNL_ARG_DST, view(pass.destination, output)}};
  if (bias.defined()) arguments.emplace(DNNL_ARG_BIAS, view(pass.bias, bias));
  pass.kernel.execute(std::move(arguments));
}

void Convolution::backward_data(const Tensor& grad_output, const Tensor& weight,
                                Tensor& grad_input) {
  const BackwardDataPass& pass = cache_->backward_data.get(
      {.activations = grad_input.shape(), .weight = weight.shape()}, params_);
  const Tensor weights = pass.relay_weights.apply(weight);
  pass.kernel.execute({{DNNL_ARG_DIFF_DST, view(pass.grad_destination, grad_output)},
                       {DNNL_ARG_WEIGHTS, view(pass.weights, weights)},
                       {DNNL_ARG_DIFF_SRC, view(pass.grad_source, grad_input)}});
}

void Convolution::backward_weights(const Tensor& input, const Tensor& grad_output,
                                   Tensor& grad_weight) {
  const BackwardWeightsPass& pass = cache_->backward_weights.get(
      {.activations = input.shape(), .weight = grad_weight.shape()}, params_);
  const bool relay = pass.relay_grad.needed();
  const Tensor grad = relay ? buffer(pass.grad_weights) : grad_weight;
  pass.kernel.execute({{DNNL_ARG_SRC, view(pass.source, input)},
                       {DNNL_ARG_DIFF_DST, view(pass.grad_destination, grad_output)},
                       {DNNL_ARG_DIFF_WEIGHTS, view(pass.grad_weights, grad)}});
  if (relay) pass.relay_grad.apply(grad, grad_weight);
}

}  // namespace quench::onednn
