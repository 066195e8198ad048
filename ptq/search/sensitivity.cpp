#include "ptq/search/sensitivity.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <utility>

#include "autograd/loss.h"
#include "ptq/sqnr.h"
#include "support/error.h"
#include "support/suggest.h"

namespace quench::ptq {
namespace {

using layers::ModeGuard;
using layers::QuantizedLayer;
using quant::Mode;

/// log softmax of a row, in double: differences of float32 logarithms would drown the divergence of
/// networks that hardly differ.
std::vector<double> log_probabilities(std::span<const float> logits) {
  const double largest = std::ranges::max(logits);
  double sum = 0.0;
  for (const float z : logits) sum += std::exp(static_cast<double>(z) - largest);
  const double shift = largest + std::log(sum);
  std::vector<double> result;
  result.reserve(logits.size());
  for (const float z : logits) result.push_back(static_cast<double>(z) - shift);
  return result;
}

std::span<const float> row(const Tensor& logits, std::int64_t i) {
  const auto classes = static_cast<std::size_t>(logits.dim(1));
  return logits.span().subspan(static_cast<std::size_t>(i) * classes, classes);
}

/// Lets the given slots of one layer quantize while it lives.
class QuantizedSlots {
 public:
  QuantizedSlots(QuantizedLayer& layer, const LayerSlots& slots) : layer_(layer), slots_(slots) {
    set(Mode::evaluation);
  }
  ~QuantizedSlots() { set(Mode::bypass); }
  QuantizedSlots(const QuantizedSlots&) = delete;
  QuantizedSlots& operator=(const QuantizedSlots&) = delete;

 private:
  void set(Mode mode) {
    if (slots_.weight) layer_.weight_quantizer().set_mode(mode);
    if (slots_.input) layer_.input_quantizer().set_mode(mode);
  }

  QuantizedLayer& layer_;
  LayerSlots slots_;
};

/// Keeps what one module computes.
class OutputOf final : public layers::ForwardObserver {
 public:
  explicit OutputOf(const layers::Module& module) : module_(module) {}
  void after(const layers::Module& module, Inputs, const Variable& result) override {
    if (&module == &module_) output = result.value();
  }

  Tensor output;

 private:
  const layers::Module& module_;
};

struct NamedMeasure {
  std::string name;
  SensitivityMeasure measure;
};

const std::vector<NamedMeasure>& named_measures() {
  static const std::vector<NamedMeasure> measures{{"kl", SensitivityMeasure::kl},
                                                  {"loss", SensitivityMeasure::loss},
                                                  {"sqnr", SensitivityMeasure::sqnr},
                                                  {"hessian", SensitivityMeasure::hessian}};
  return measures;
}

}  // namespace

std::vector<std::string> sensitivity_names() {
  std::vector<std::string> names;
  for (const NamedMeasure& entry : named_measures()) names.push_back(entry.name);
  return names;
}

SensitivityMeasure sensitivity_measure(const std::string& name) {
  const std::vector<std::string> names = sensitivity_names();
  const auto found = std::ranges::find(names, name);
  require(found != names.end(), "sensitivity: unknown measure '{}'{}", name,
          suggestion(name, names));
  return named_measures()[static_cast<std::size_t>(found - names.begin())].measure;
}

const std::string& name_of(SensitivityMeasure measure) {
  return std::ranges::find(named_measures(), measure, &NamedMeasure::measure)->name;
}

double mean_kl(const Tensor& reference, const Tensor& logits) {
  double sum = 0.0;
  for (std::int64_t i = 0; i < logits.dim(0); ++i) {
    const std::vector<double> p = log_probabilities(row(reference, i));
    const std::vector<double> q = log_probabilities(row(logits, i));
    for (std::size_t c = 0; c < p.size(); ++c) sum += std::exp(p[c]) * (p[c] - q[c]);
  }
  return sum / static_cast<double>(logits.dim(0));
}

double mean_cross_entropy(const Tensor& logits, const Tensor& labels) {
  double sum = 0.0;
  for (std::int64_t i = 0; i < logits.dim(0); ++i) {
    const auto label = labels.span<std::int32_t>()[static_cast<std::size_t>(i)];
    sum -= log_probabilities(row(logits, i))[static_cast<std::size_t>(label)];
  }
  return sum / static_cast<double>(logits.dim(0));
}

double weight_noise(QuantizedLayer& layer) {
  const NoGradGuard no_grad;
  quant::Quantizer& quantizer = layer.weight_quantizer();
  const Mode mode = quantizer.mode();
  quantizer.set_mode(Mode::evaluation);
  const Tensor weight = layer.effective_weight().value();
  const Tensor quantized = quantizer.forward(Variable(weight)).value();
  quantizer.set_mode(mode);
  double noise = 0.0;
  for (std::size_t i = 0; i < weight.span().size(); ++i) {
    const double error = static_cast<double>(weight.span()[i]) - quantized.span()[i];
    noise += error * error;
  }
  return noise;
}

SensitivityProbe::SensitivityProbe(layers::Module& network, std::vector<datasets::Batch> images)
    : network_(network), images_(std::move(images)) {
  for (const datasets::Batch& batch : images_) count_ += batch.images.dim(0);
  require(count_ > 0, "sensitivity: expected at least 1 image, got 0");
  const NoGradGuard no_grad;
  const ModeGuard modes(network_, false, Mode::bypass);
  for (const datasets::Batch& batch : images_)
    float_logits_.push_back(network_(Variable(batch.images)).value());
  float_loss_ = loss_of(network_, SensitivityMeasure::loss);
}

/// Runs the network in its current modes.
double SensitivityProbe::loss_of(layers::Module& network, SensitivityMeasure measure) const {
  const NoGradGuard no_grad;
  double sum = 0.0;
  for (std::size_t k = 0; k < images_.size(); ++k) {
    const datasets::Batch& batch = images_[k];
    const Tensor logits = network(Variable(batch.images)).value();
    const double mean = measure == SensitivityMeasure::kl
                            ? mean_kl(float_logits_[k], logits)
                            : mean_cross_entropy(logits, batch.labels);
    sum += mean * static_cast<double>(batch.images.dim(0));
  }
  const double mean = sum / static_cast<double>(count_);
  return measure == SensitivityMeasure::loss ? mean - float_loss_ : mean;
}

double SensitivityProbe::measure(QuantizedLayer& layer, const LayerSlots& slots,
                                 SensitivityMeasure measure) const {
  expect(measure != SensitivityMeasure::hessian,
         "sensitivity: hessian follows from trace() and weight_noise()");
  const ModeGuard modes(network_, false, Mode::bypass);
  if (measure == SensitivityMeasure::sqnr) return output_noise(layer, slots);
  const QuantizedSlots quantized(layer, slots);
  return loss_of(network_, measure);
}

double SensitivityProbe::measure_network(layers::Module& quantized,
                                         SensitivityMeasure measure) const {
  const ModeGuard modes(quantized, false, Mode::evaluation);
  return loss_of(quantized, measure);
}

double SensitivityProbe::output_noise(QuantizedLayer& layer, const LayerSlots& slots) const {
  const NoGradGuard no_grad;
  // A folded batch norm normalizes before it in the quantized network, and in it in the float one.
  const layers::Module& writer =
      layer.folded() == nullptr ? static_cast<layers::Module&>(layer) : layer.folded()->norm();
  const auto output = [&](const datasets::Batch& batch) {
    OutputOf observer(writer);
    network_(Variable(batch.images));
    return observer.output;
  };
  SignalToNoise ratio;
  for (const datasets::Batch& batch : images_) {
    const Tensor floating = output(batch);
    const QuantizedSlots quantized(layer, slots);
    ratio.add(floating.span(), output(batch).span());
  }
  return std::pow(10.0, -ratio.db() / 10.0);
}

/// The gradient of the mean cross-entropy over all images.
Tensor SensitivityProbe::weight_gradient(const Variable& weight) const {
  for (layers::Parameter& parameter : network_.parameters()) parameter.value.zero_grad();
  Tensor sum = Tensor::zeros(weight.shape());
  for (const datasets::Batch& batch : images_) {
    cross_entropy(network_(Variable(batch.images)), batch.labels).backward();
    const float share = static_cast<float>(batch.images.dim(0)) / static_cast<float>(count_);
    const auto gradient = weight.grad().span();
    for (std::size_t i = 0; i < gradient.size(); ++i) sum.span()[i] += share * gradient[i];
    for (layers::Parameter& parameter : network_.parameters()) parameter.value.zero_grad();
  }
  return sum;
}

TraceEstimate SensitivityProbe::trace(QuantizedLayer& layer, const Random& random) const {
  require(layer.folded() == nullptr,
          "{}: sensitivity hessian: expected a layer without a batch norm folded in: set "
          "quant.fold_batch_norm = false",
          layer.name());
  const ModeGuard modes(network_, false, Mode::bypass);
  const Variable& weight = layer.weight_owner().weight();
  return hessian_trace([&] { return weight_gradient(weight); }, weight, random);
}

}  // namespace quench::ptq
