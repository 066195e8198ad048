#include "autograd/distillation_loss.h"

#include <cmath>
#include <string_view>
#include <utility>
#include <vector>

#include "autograd/node.h"
#include "autograd/sum_of.h"
#include "core/communicator.h"
#include "core/elementwise.h"
#include "core/profiler.h"
#include "core/softmax.h"
#include "support/error.h"

namespace quench {
namespace {

void check_logits(std::string_view loss, const Tensor& logits, const Tensor& teacher) {
  require(logits.rank() == 2 && logits.numel() > 0,
          "{}: expected logits [N, classes] with N >= 1, got {}", loss, logits.shape().to_string());
  require(teacher.shape() == logits.shape(), "{}: expected a teacher's logits {}, got {}", loss,
          logits.shape().to_string(), teacher.shape().to_string());
}

double squared_difference(float z, float t) {
  const double difference = static_cast<double>(z) - static_cast<double>(t);
  return difference * difference;
}

struct RmseNode final : Node {
  Saved logits, teacher;
  double loss;

  RmseNode(const Tensor& logits_in, const Tensor& teacher_in, double loss_in)
      : logits(logits_in), teacher(teacher_in), loss(loss_in) {}
  std::string_view name() const override { return "distillation_rmse"; }
  std::vector<Tensor> backward(const Tensor& grad_output) const override {
    const Tensor& z = logits.get();
    if (loss == 0.0) return {Tensor::zeros(z.shape())};
    const auto scale = static_cast<float>(static_cast<double>(grad_output.item()) /
                                          (static_cast<double>(z.dim(0)) * loss));
    return {zip(z, teacher.get(), [scale](float a, float b) { return scale * (a - b); })};
  }
};

struct SmoothL1Node final : Node {
  Saved logits, teacher;
  float eps;

  SmoothL1Node(const Tensor& logits_in, const Tensor& teacher_in, float eps_in)
      : logits(logits_in), teacher(teacher_in), eps(eps_in) {}
  std::string_view name() const override { return "distillation_smooth_l1"; }
  std::vector<Tensor> backward(const Tensor& grad_output) const override {
    const Tensor& z = logits.get();
    const float scale = grad_output.item() / static_cast<float>(z.dim(0));
    return {zip(z, teacher.get(), [scale, e = eps](float a, float b) {
      const float d = a - b;
      return scale * d / std::sqrt(d * d + e);
    })};
  }
};

struct KlNode final : Node {
  Tensor log_p, teacher_log_p;
  float temperature;

  KlNode(Tensor log_p_in, Tensor teacher_log_p_in, float temperature_in)
      : log_p(std::move(log_p_in)),
        teacher_log_p(std::move(teacher_log_p_in)),
        temperature(temperature_in) {}
  std::string_view name() const override { return "distillation_kl"; }
  std::vector<Tensor> backward(const Tensor& grad_output) const override {
    const float scale = grad_output.item() * temperature / static_cast<float>(log_p.dim(0));
    return {zip(log_p, teacher_log_p,
                [scale](float p, float t) { return scale * (std::exp(p) - std::exp(t)); })};
  }
};

}  // namespace

Variable distillation_rmse(const Variable& logits, const Tensor& teacher) {
  const ProfileScope profile("distillation_rmse");
  const Tensor& z = logits.value();
  check_logits("distillation_rmse", z, teacher);
  const double sum = sum_of(z.numel(), [a = z.data(), b = teacher.data()](std::int64_t i) {
    return squared_difference(a[i], b[i]);
  });
  // The one loss that is no mean over images: the root is of the images of all ranks.
  const std::int64_t images = z.dim(0) * communicator().size();
  const double loss = std::sqrt(sum_over_ranks(sum) / static_cast<double>(images));
  return record<RmseNode>({logits}, Tensor::scalar(static_cast<float>(loss)), z, teacher, loss);
}

Variable distillation_smooth_l1(const Variable& logits, const Tensor& teacher, float eps) {
  const ProfileScope profile("distillation_smooth_l1");
  const Tensor& z = logits.value();
  check_logits("distillation_smooth_l1", z, teacher);
  require(std::isfinite(eps) && eps > 0.0f,
          "distillation_smooth_l1: expected a finite eps > 0, got {}", eps);
  const double sum = sum_of(
      z.numel(), [a = z.data(), b = teacher.data(), e = static_cast<double>(eps)](std::int64_t i) {
        return std::sqrt(squared_difference(a[i], b[i]) + e);
      });
  const auto loss = static_cast<float>(sum / static_cast<double>(z.dim(0)));
  return record<SmoothL1Node>({logits}, Tensor::scalar(loss), z, teacher, eps);
}

Variable distillation_kl(const Variable& logits, const Tensor& teacher, float temperature) {
  const ProfileScope profile("distillation_kl");
  check_logits("distillation_kl", logits.value(), teacher);
  require(std::isfinite(temperature) && temperature > 0.0f,
          "distillation_kl: expected a finite temperature > 0, got {}", temperature);
  const auto soften = [temperature](float v) { return v / temperature; };
  Tensor log_p = log_softmax(map(logits.value(), soften));
  Tensor teacher_log_p = log_softmax(map(teacher, soften));
  const double sum =
      sum_of(log_p.numel(), [p = log_p.data(), t = teacher_log_p.data()](std::int64_t i) {
        const auto log_t = static_cast<double>(t[i]);
        const double weight = std::exp(log_t);
        // A class that vanished for the teacher costs nothing, also where its logarithm is -inf.
        return weight == 0.0 ? 0.0 : weight * (log_t - static_cast<double>(p[i]));
      });
  const auto squared = static_cast<double>(temperature) * static_cast<double>(temperature);
  const auto loss = static_cast<float>(squared * sum / static_cast<double>(log_p.dim(0)));
  return record<KlNode>({logits}, Tensor::scalar(loss), std::move(log_p), std::move(teacher_log_p),
                        temperature);
}

}  // namespace quench
