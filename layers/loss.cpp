#include "layers/loss.h"

#include <cmath>

#include "autograd/loss.h"
#include "support/error.h"
#include "support/suggest.h"

namespace quench::layers {
namespace {

Variable one_hot_mse(const Variable& logits, const Tensor& labels) {
  require(logits.shape().rank() == 2 && labels.shape() == Shape{logits.shape()[0]},
          "mse: expected logits [N, classes] and labels [N], got {} and {}",
          logits.shape().to_string(), labels.shape().to_string());
  Tensor target = Tensor::zeros(logits.shape());
  const std::int64_t classes = logits.shape()[1];
  for (std::int64_t row = 0; row < labels.dim(0); ++row) {
    const std::int32_t label = labels.data<std::int32_t>()[row];
    require(label >= 0 && label < classes, "mse: expected labels in 0..{}, got {} in row {}",
            classes - 1, label, row);
    target.data()[row * classes + label] = 1.0f;
  }
  return mse(logits, target);
}

}  // namespace

std::vector<std::string> known_losses() { return {"cross_entropy", "squared_hinge", "mse"}; }

Loss make_loss(const LossOptions& options) {
  const float smoothing = options.label_smoothing;
  require(smoothing >= 0.0f && smoothing < 1.0f,
          "label_smoothing: expected a value in [0, 1), got {}", smoothing);
  if (options.name == "cross_entropy") {
    return [smoothing](const Variable& logits, const Tensor& labels) {
      return cross_entropy(logits, labels, smoothing);
    };
  }
  if (options.name == "squared_hinge") return squared_hinge;
  if (options.name == "mse") return one_hot_mse;
  require(false, "loss: expected a known name, got \"{}\"{}", options.name,
          suggestion(options.name, known_losses()));
  return {};
}

std::vector<std::string> known_distillation_losses() { return {"rmse", "smooth_l1", "kl"}; }

DistillationLoss make_distillation_loss(const DistillationLossOptions& options) {
  const float temperature = options.temperature;
  require(std::isfinite(temperature) && temperature > 0.0f,
          "temperature: expected a finite number > 0, got {}", temperature);
  if (options.name == "rmse") return distillation_rmse;
  if (options.name == "smooth_l1") {
    return [](const Variable& logits, const Tensor& teacher) {
      return distillation_smooth_l1(logits, teacher);
    };
  }
  if (options.name == "kl") {
    return [temperature](const Variable& logits, const Tensor& teacher) {
      return distillation_kl(logits, teacher, temperature);
    };
  }
  require(false, "distillation loss: expected a known name, got \"{}\"{}", options.name,
          suggestion(options.name, known_distillation_losses()));
  return {};
}

}  // namespace quench::layers
