#include "autograd/loss.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "autograd/node.h"
#include "core/communicator.h"
#include "core/ops/elementwise.h"
#include "core/ops/softmax.h"
#include "core/parallel.h"
#include "core/profiler.h"
#include "support/error.h"

namespace quench {
namespace {

/// The sum of term(i), in double, over [0, count): first within chunks of a fixed size, then over
/// the chunks in order, so the result does not depend on the number of threads.
template <typename Term>
double sum_of(std::int64_t count, Term term) {
  constexpr std::int64_t kChunk = 4096;
  const std::int64_t chunks = (count + kChunk - 1) / kChunk;
  std::vector<double> sums(static_cast<std::size_t>(chunks));
  parallel_for(chunks, kParallelGrain / kChunk, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t chunk = begin; chunk < end; ++chunk) {
      double sum = 0.0;
      for (std::int64_t i = chunk * kChunk; i < std::min(count, (chunk + 1) * kChunk); ++i)
        sum += term(i);
      sums[static_cast<std::size_t>(chunk)] = sum;
    }
  });
  double total = 0.0;
  for (const double sum : sums) total += sum;
  return total;
}

void check_labels(std::string_view loss, const Tensor& logits, const Tensor& labels) {
  require(logits.rank() == 2 && logits.numel() > 0,
          "{}: expected logits [N, C] with N >= 1, got {}", loss, logits.shape().to_string());
  require(labels.dtype() == DType::s32 && labels.shape() == Shape{logits.dim(0)},
          "{}: expected labels s32 [{}] for logits {}, got {} {}", loss, logits.dim(0),
          logits.shape().to_string(), name_of(labels.dtype()), labels.shape().to_string());
  const std::int32_t* label = labels.data<std::int32_t>();
  for (std::int64_t row = 0; row < logits.dim(0); ++row) {
    require(label[row] >= 0 && label[row] < logits.dim(1),
            "{}: expected labels in 0..{}, got {} in row {}", loss, logits.dim(1) - 1, label[row],
            row);
  }
}

template <typename Term>
float mean_of(std::int64_t count, Term term) {
  return static_cast<float>(sum_of(count, term) / static_cast<double>(count));
}

/// dL/dz = (softmax(z) - target) / N.
struct CrossEntropyNode final : Node {
  Tensor log_probabilities;
  Saved labels;
  float label_smoothing;

  CrossEntropyNode(Tensor log_probabilities_in, const Tensor& labels_in, float label_smoothing_in)
      : log_probabilities(std::move(log_probabilities_in)),
        labels(labels_in),
        label_smoothing(label_smoothing_in) {}
  std::string_view name() const override { return "cross_entropy"; }
  std::vector<Tensor> backward(const Tensor& grad_output) const override {
    const std::int64_t classes = log_probabilities.dim(1);
    const float scale = grad_output.item() / static_cast<float>(log_probabilities.dim(0));
    const float everywhere = label_smoothing / static_cast<float>(classes);
    Tensor grad =
        map(log_probabilities, [=](float log_p) { return scale * (std::exp(log_p) - everywhere); });
    const std::int32_t* label = labels.get().data<std::int32_t>();
    for (std::int64_t row = 0; row < grad.dim(0); ++row) {
      grad.data()[row * classes + label[row]] -= scale * (1.0f - label_smoothing);
    }
    return {grad};
  }
};

/// The margin that an entry lacks: max(0, 1 - t * z). A NaN stays.
float missing_margin(float z, bool is_label) {
  const float margin = is_label ? 1.0f - z : 1.0f + z;
  return margin < 0.0f ? 0.0f : margin;
}

/// dL/dz = -2 t max(0, 1 - t * z) / (N * C).
struct SquaredHingeNode final : Node {
  Saved logits, labels;

  SquaredHingeNode(const Tensor& logits_in, const Tensor& labels_in)
      : logits(logits_in), labels(labels_in) {}
  std::string_view name() const override { return "squared_hinge"; }
  std::vector<Tensor> backward(const Tensor& grad_output) const override {
    const Tensor& z = logits.get();
    const std::int64_t classes = z.dim(1);
    const float scale = 2.0f * grad_output.item() / static_cast<float>(z.numel());
    Tensor grad = map(z, [scale](float v) { return scale * missing_margin(v, false); });
    const std::int32_t* label = labels.get().data<std::int32_t>();
    for (std::int64_t row = 0; row < z.dim(0); ++row) {
      const std::int64_t at = row * classes + label[row];
      grad.data()[at] = -scale * missing_margin(z.data()[at], true);
    }
    return {grad};
  }
};

/// dL/da = 2 (a - target) / count.
struct MseNode final : Node {
  Saved a, target;

  MseNode(const Tensor& a_in, const Tensor& target_in) : a(a_in), target(target_in) {}
  std::string_view name() const override { return "mse"; }
  std::vector<Tensor> backward(const Tensor& grad_output) const override {
    const float scale = 2.0f * grad_output.item() / static_cast<float>(a.get().numel());
    return {zip(a.get(), target.get(), [scale](float x, float t) { return scale * (x - t); })};
  }
};

}  // namespace

Variable cross_entropy(const Variable& logits, const Tensor& labels, float label_smoothing) {
  const ProfileScope profile("cross_entropy");
  check_labels("cross_entropy", logits.value(), labels);
  require(label_smoothing >= 0.0f && label_smoothing <= 1.0f,
          "cross_entropy: expected label_smoothing in [0, 1], got {}", label_smoothing);
  Tensor log_p = log_softmax(logits.value());
  const std::int64_t classes = log_p.dim(1);
  const double everywhere = static_cast<double>(label_smoothing) / static_cast<double>(classes);
  const double at_label = 1.0 - static_cast<double>(label_smoothing);
  const float loss = mean_of(log_p.dim(0), [&, log_p_data = log_p.data(),
                                            label = labels.data<std::int32_t>()](std::int64_t row) {
    const float* p = log_p_data + row * classes;
    double smooth = 0.0;  // skipped at 0: 0 * -inf would turn a vanished class into NaN
    for (std::int64_t c = 0; c < classes && everywhere > 0.0; ++c)
      smooth += static_cast<double>(p[c]);
    return -at_label * static_cast<double>(p[label[row]]) - everywhere * smooth;
  });
  return record<CrossEntropyNode>({logits}, Tensor::scalar(loss), std::move(log_p), labels,
                                  label_smoothing);
}

Variable squared_hinge(const Variable& logits, const Tensor& labels) {
  const ProfileScope profile("squared_hinge");
  const Tensor& z = logits.value();
  check_labels("squared_hinge", z, labels);
  const float loss = mean_of(z.numel(), [classes = z.dim(1), data = z.data(),
                                         label = labels.data<std::int32_t>()](std::int64_t i) {
    const auto margin =
        static_cast<double>(missing_margin(data[i], i % classes == label[i / classes]));
    return margin * margin;
  });
  return record<SquaredHingeNode>({logits}, Tensor::scalar(loss), z, labels);
}

namespace {

/// dL/da = p |a - target|^(p - 1) sign(a - target) / positions.
struct LpLossNode final : Node {
  Saved a;
  Tensor target;
  float p, positions;

  LpLossNode(const Tensor& a_in, Tensor target_in, float p_in, float positions_in)
      : a(a_in), target(std::move(target_in)), p(p_in), positions(positions_in) {}
  std::string_view name() const override { return "lp_loss"; }
  std::vector<Tensor> backward(const Tensor& grad_output) const override {
    const float factor = grad_output.item() * p / positions;
    if (p == 2.0f)
      return {zip(a.get(), target, [=](float x, float t) { return factor * (x - t); })};
    return {zip(a.get(), target, [factor, power = p - 1.0f](float x, float t) {
      return factor * std::copysign(std::pow(std::abs(x - t), power), x - t);
    })};
  }
};

}  // namespace

Variable lp_loss(const Variable& a, const Tensor& target, float p) {
  const ProfileScope profile("lp_loss");
  require(a.shape() == target.shape() && target.numel() > 0 && target.rank() >= 2,
          "lp_loss: expected equal shapes [N, C, ...] with at least one element, got {} and {}",
          a.shape().to_string(), target.shape().to_string());
  const float *x = a.value().data(), *t = target.data();
  const double sum = sum_of(target.numel(), [=](std::int64_t i) {
    const double d = std::abs(double{x[i]} - double{t[i]});
    return p == 2.0f ? d * d : std::pow(d, double{p});
  });
  const std::int64_t count = target.numel() / target.dim(1);
  const auto positions = static_cast<double>(count);
  return record<LpLossNode>({a}, Tensor::scalar(static_cast<float>(sum / positions)), a.value(),
                            target, p, static_cast<float>(positions));
}

Variable mse(const Variable& a, const Tensor& target) {
  const ProfileScope profile("mse");
  require(a.shape() == target.shape() && a.value().numel() > 0,
          "mse: expected equal shapes with at least one element, got {} and {}",
          a.shape().to_string(), target.shape().to_string());
  const float loss =
      mean_of(a.value().numel(), [x = a.value().data(), t = target.data()](std::int64_t i) {
        const double difference = static_cast<double>(x[i]) - static_cast<double>(t[i]);
        return difference * difference;
      });
  return record<MseNode>({a}, Tensor::scalar(loss), a.value(), target);
}

namespace {

void check_logits(std::string_view loss, const Tensor& logits, const Tensor& teacher) {
  require(logits.rank() == 2 && logits.numel() > 0,
          "{}: expected logits [N, classes] with N >= 1, got {}", loss, logits.shape().to_string());
  require(teacher.shape() == logits.shape(), "{}: expected teacher logits {}, got {}", loss,
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
  // Not a mean over images, unlike the other losses: the root covers the images of all ranks.
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
        // A class that vanished for the teacher costs nothing, even if its logarithm is -inf.
        return weight == 0.0 ? 0.0 : weight * (log_t - static_cast<double>(p[i]));
      });
  const auto squared = static_cast<double>(temperature) * static_cast<double>(temperature);
  const auto loss = static_cast<float>(squared * sum / static_cast<double>(log_p.dim(0)));
  return record<KlNode>({logits}, Tensor::scalar(loss), std::move(log_p), std::move(teacher_log_p),
                        temperature);
}

}  // namespace quench
