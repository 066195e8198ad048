#include "layers/distillation_loss.h"

#include <cmath>

#include "autograd/distillation_loss.h"
#include "support/error.h"
#include "support/suggest.h"

namespace quench {

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

}  // namespace quench
