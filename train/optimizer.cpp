#include "train/optimizer.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <set>
#include <utility>

#include "core/profiler.h"
#include "support/error.h"
#include "support/suggest.h"
#include "train/adam.h"
#include "train/sgd.h"

namespace quench::train {
namespace {

using Factory = std::unique_ptr<Optimizer> (*)(const OptimizerOptions&,
                                               std::vector<layers::Parameter>);

struct Method {
  std::string_view name;
  std::string_view summary;
  Factory make;
};

std::unique_ptr<Optimizer> make_sgd(const OptimizerOptions& options,
                                    std::vector<layers::Parameter> parameters) {
  return std::make_unique<Sgd>(options, std::move(parameters));
}

template <WeightDecay kDecay>
std::unique_ptr<Optimizer> make_adam(const OptimizerOptions& options,
                                     std::vector<layers::Parameter> parameters) {
  return std::make_unique<Adam>(options, std::move(parameters), kDecay);
}

constexpr std::array kMethods{
    Method{"sgd", "gradient descent, with momentum or Nesterov momentum if set", make_sgd},
    Method{"adam", "adaptive moments, weight decay in the gradient (Kingma & Ba 2015)",
           make_adam<WeightDecay::coupled>},
    Method{"adamw", "adaptive moments, decoupled weight decay (Loshchilov & Hutter 2019)",
           make_adam<WeightDecay::decoupled>},
};

std::vector<std::string> optimizer_names() {
  std::vector<std::string> names;
  for (const Method& method : kMethods) names.emplace_back(method.name);
  return names;
}

// Checked as float32, in which the methods compute: a double may round to infinity or 1.

void check_not_negative(std::string_view key, double value) {
  require(std::isfinite(static_cast<float>(value)) && value >= 0.0,
          "optimizer.{}: expected a finite value >= 0, got {}", key, value);
}

void check_decay_rate(std::string_view key, double value) {
  require(value >= 0.0 && static_cast<float>(value) < 1.0f,
          "optimizer.{}: expected a value in [0, 1), got {}", key, value);
}

void check(const OptimizerOptions& options) {
  check_not_negative("lr", options.lr);
  check_not_negative("weight_decay", options.weight_decay);
  check_not_negative("eps", options.eps);
  check_not_negative("quantizer_lr_scale", options.quantizer_lr_scale);
  check_decay_rate("momentum", options.momentum);
  check_decay_rate("beta1", options.beta1);
  check_decay_rate("beta2", options.beta2);
  require(!options.nesterov || options.momentum > 0.0,
          "optimizer.nesterov: expected optimizer.momentum > 0, got {}", options.momentum);
}

void check(const std::vector<layers::Parameter>& parameters) {
  std::set<std::string_view> names;
  for (const layers::Parameter& parameter : parameters) {
    require(names.insert(parameter.name).second,
            "optimizer: expected unique parameter names, got {} more than once", parameter.name);
    require(parameter.value.defined() && parameter.value.requires_grad() &&
                parameter.value.value().dtype() == DType::f32,
            "optimizer: expected {} to be an f32 tensor that requires a gradient", parameter.name);
  }
}

bool is_quantized_weight(const layers::Parameter& parameter) {
  return parameter.kind == layers::ParameterKind::weight && parameter.quantizer != nullptr &&
         parameter.quantizer->quantizes();
}

/// The LatentUpdate of a latent weight's quantizer; null without one.
const quant::LatentUpdate* latent_update(const layers::Parameter& parameter) {
  const bool latent =
      parameter.kind == layers::ParameterKind::weight && parameter.quantizer != nullptr;
  return latent ? parameter.quantizer->latent_update() : nullptr;
}

void project(const quant::LatentUpdate& latent, Tensor& weight) {
  Tensor projected = weight;
  latent.project(projected);
  // A projection may return a new tensor, but the layer holds a handle on this one.
  if (!projected.shares_storage_with(weight)) weight.copy_from(projected);
}

const Tensor& find_entry(const std::map<std::string, Tensor>& state, const std::string& key,
                         const Shape& shape, DType dtype) {
  const auto found = state.find(key);
  require(found != state.end(), "optimizer state: expected an entry {}, got none", key);
  const Tensor& value = found->second;
  require(value.defined() && value.shape() == shape && value.dtype() == dtype,
          "optimizer state {}: expected {} {}, got {} {}", key, name_of(dtype), shape.to_string(),
          value.defined() ? name_of(value.dtype()) : "undefined", value.shape().to_string());
  return value;
}

}  // namespace

const std::vector<std::string>& parameter_kinds() {
  static const std::vector<std::string> names{"weight", "bias", "norm", "quantizer"};
  return names;
}

std::vector<layers::Parameter> trained_parameters(layers::Module& network,
                                                  const std::vector<std::string>& kinds) {
  const auto trained = [&kinds](const layers::Parameter& parameter) {
    // In the order of the enumeration.
    const std::string& kind = parameter_kinds()[static_cast<std::size_t>(parameter.kind)];
    return std::ranges::find(kinds, kind) != kinds.end();
  };
  std::vector<layers::Parameter> result;
  for (layers::Parameter& parameter : network.parameters()) {
    if (trained(parameter)) {
      result.push_back(std::move(parameter));
    } else {
      parameter.value.freeze();
    }
  }
  require(!result.empty(),
          "optimizer.train: expected kinds of parameters that the network has, got [{}]",
          fmt::join(kinds, ", "));
  return result;
}

Optimizer::Optimizer(const OptimizerOptions& options, std::vector<layers::Parameter> parameters,
                     std::vector<std::string_view> moment_names)
    : moment_names_(std::move(moment_names)) {
  check(options);
  check(parameters);
  entries_.reserve(parameters.size());
  for (layers::Parameter& parameter : parameters) {
    entries_.push_back(make_entry(options, std::move(parameter)));
  }
}

Optimizer::Entry Optimizer::make_entry(const OptimizerOptions& options,
                                       layers::Parameter parameter) const {
  Entry entry;
  if (parameter.kind == layers::ParameterKind::weight)
    entry.weight_decay = static_cast<float>(options.weight_decay);
  if (parameter.kind == layers::ParameterKind::quantizer)
    entry.lr_scale = static_cast<float>(options.quantizer_lr_scale);
  const Shape& shape = parameter.value.shape();
  if (options.glorot_scale && is_quantized_weight(parameter)) {
    entry.lr_scale = glorot_lr_scale(shape);
  }
  for (std::size_t i = 0; i < moment_names_.size(); ++i) {
    entry.moments.push_back(Tensor::zeros(shape));
  }
  entry.parameter = std::move(parameter);
  return entry;
}

void Optimizer::step(float lr) {
  require(std::isfinite(lr) && lr >= 0.0f,
          "optimizer: expected a finite learning rate >= 0, got {}", lr);
  const ProfileScope scope("optimizer");
  for (Entry& entry : entries_) {
    if (entry.parameter.value.grad().defined()) step_entry(entry, lr);
  }
}

void Optimizer::step_entry(Entry& entry, float lr) {
  layers::Parameter& parameter = entry.parameter;
  const Tensor& grad = parameter.value.grad();
  expect(grad.shape() == parameter.value.shape(),
         "optimizer: expected a gradient of shape {} for {}, got {}",
         parameter.value.shape().to_string(), parameter.name, grad.shape().to_string());

  const quant::LatentUpdate* latent = latent_update(parameter);
  const float step_scale = latent != nullptr ? latent->step_scale() : 1.0f;
  ++entry.steps;
  update(entry, grad, lr * entry.lr_scale * step_scale);

  Tensor& value = parameter.value.mutable_value();
  if (latent != nullptr) project(*latent, value);
  value.bump_version();
}

void Optimizer::zero_grad() {
  for (Entry& entry : entries_) entry.parameter.value.zero_grad();
}

void Optimizer::reset() {
  for (Entry& entry : entries_) {
    for (Tensor& moment : entry.moments) std::ranges::fill(moment.span(), 0.0f);
    entry.steps = 0;
  }
}

std::map<std::string, Tensor> Optimizer::state() const {
  std::map<std::string, Tensor> result;
  for (const Entry& entry : entries_) {
    const std::string& name = entry.parameter.name;
    for (std::size_t i = 0; i < moment_names_.size(); ++i) {
      result[fmt::format("{}.{}", name, moment_names_[i])] = entry.moments[i].clone();
    }
    Tensor steps(Shape{}, DType::s32);
    *steps.data<std::int32_t>() = static_cast<std::int32_t>(entry.steps);
    result[name + ".steps"] = steps;
  }
  return result;
}

void Optimizer::load_state(const std::map<std::string, Tensor>& state) {
  // Looks up all sources before the first copy: a bad file must not leave a half-loaded optimizer.
  std::vector<const Tensor*> sources;
  std::set<std::string> expected;
  const auto take = [&](std::string key, const Shape& shape, DType dtype) {
    sources.push_back(&find_entry(state, key, shape, dtype));
    expected.insert(std::move(key));
  };
  for (const Entry& entry : entries_) {
    const layers::Parameter& parameter = entry.parameter;
    for (const std::string_view moment : moment_names_) {
      take(fmt::format("{}.{}", parameter.name, moment), parameter.value.shape(), DType::f32);
    }
    take(parameter.name + ".steps", Shape{}, DType::s32);
  }
  for (const auto& [key, value] : state) {
    require(expected.contains(key), "optimizer state: expected no entry {}, got {}", key,
            value.shape().to_string());
  }

  auto source = sources.begin();
  for (Entry& entry : entries_) {
    for (Tensor& moment : entry.moments) moment.copy_from(**source++);
    entry.steps = *(*source++)->data<std::int32_t>();
  }
}

std::unique_ptr<Optimizer> make_optimizer(const OptimizerOptions& options,
                                          std::vector<layers::Parameter> parameters) {
  const auto* method = std::ranges::find(kMethods, options.name, &Method::name);
  require(method != kMethods.end(), "optimizer.name: expected a known name, got '{}'{}",
          options.name, suggestion(options.name, optimizer_names()));
  return method->make(options, std::move(parameters));
}

std::vector<OptimizerInfo> registered_optimizers() {
  std::vector<OptimizerInfo> known;
  for (const Method& method : kMethods) {
    known.push_back({std::string(method.name), std::string(method.summary)});
  }
  return known;
}

float glorot_lr_scale(const Shape& weight) {
  require((weight.rank() == 2 || weight.rank() == 4) && weight.numel() > 0,
          "glorot_lr_scale: expected a weight [O, I/groups, KH, KW] or [out, in], got {}",
          weight.to_string());
  const std::int64_t positions = weight.rank() == 4 ? weight[2] * weight[3] : 1;
  const auto fans = static_cast<double>((weight[0] + weight[1]) * positions);
  return static_cast<float>(1.0 / std::sqrt(1.5 / fans));
}

}  // namespace quench::train
