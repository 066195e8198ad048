#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "ptq/reconstruction/adam.h"
#include "ptq/reconstruction/coded_weight.h"

namespace quench::ptq {

/// The schedule of AdaRound's regularizer; iterations are counted from 1.
struct RoundingSchedule {
  std::int64_t iterations = 2000;
  double warm_up = 0.2;      ///< share of the iterations without a regularizer, in [0, 1)
  double beta_start = 20.0;  ///< > 0: the exponent after the warm-up
  double beta_end = 2.0;     ///< > 0: at the end
  bool cosine = false;       ///< falls along a cosine, as in AIMET, instead of linearly

  /// nullopt during the warm-up.
  std::optional<double> beta(std::int64_t iteration) const;
};

/// The variable that descent optimizes for a weight.
class RoundingVariable {
 public:
  virtual ~RoundingVariable() = default;

  /// The weight for the next iteration.
  virtual Tensor weight() const = 0;
  /// One descent step.
  /// @param iteration  from 1
  /// @param loss       the iteration's loss
  /// @param grad       gradient of the loss with respect to weight()
  virtual void step(std::int64_t iteration, double loss, const Tensor& grad) = 0;
  /// The resulting codes, minus the zero point.
  virtual Tensor codes() const = 0;
};

/// AdaRound (Nagel et al. 2020, arXiv:2004.10568): each weight is rounded down or up, and V
/// interpolates between the two.
///
///   h(V) = clip(1.2 sigmoid(V) - 0.1, 0, 1)
///   w    = s clip(floor(w/s) + h(V), low, high),  initially w itself inside the grid
///   loss + lambda sum(1 - |2 h(V) - 1|^beta), after the warm-up; Adam on V
///   code = clip(floor(w/s) + 1{V >= 0}, low, high) at the end
class SoftRounding final : public RoundingVariable {
 public:
  struct Options {
    double lr = 1e-2;              ///< > 0
    double regularization = 0.01;  ///< lambda, >= 0
    RoundingSchedule schedule;
  };

  /// @param weight  [O, ...], on `grid`
  SoftRounding(const Tensor& weight, const quant::QuantGrid& grid, const Options& options);

  Tensor weight() const override;
  void step(std::int64_t iteration, double loss, const Tensor& grad) override;
  Tensor codes() const override;

  /// V, with the weight's shape.
  const Tensor& v() const { return v_; }
  void set_v(const Tensor& v) { v_.copy_from(v); }
  const Tensor& floors() const { return floor_; }
  /// dL/dV, without the regularizer.
  Tensor gradient(const Tensor& grad) const;

 private:
  quant::QuantGrid grid_;
  Options options_;
  Tensor floor_, v_;
  Adam adam_;
};

/// h(V) and its derivative, which is 0 where h is 0 or 1.
struct SoftStep {
  float h, slope;
};
SoftStep rectified_sigmoid(float v);

/// lambda sum(1 - |2 h(V) - 1|^beta), and its derivative by V.
double rounding_loss(const Tensor& v, double lambda, double beta);
Tensor rounding_gradient(const Tensor& v, double lambda, double beta);

/// SignRound (Cheng et al. 2023, arXiv:2309.05516): a learned offset before rounding.
///
///   code = clip(round(w/s + clip(o, -1/2, 1/2)), low, high), straight-through; o = 0 initially
///   o   <- o - lr sign(dL/do), with lr falling linearly to 0; the codes with the least loss are kept
class OffsetRounding final : public RoundingVariable {
 public:
  struct Options {
    double lr = 5e-3;  ///< > 0
    std::int64_t iterations = 200;
  };

  OffsetRounding(const Tensor& weight, const quant::QuantGrid& grid, const Options& options);

  Tensor weight() const override { return quant::dequantize(current_codes(), grid_); }
  void step(std::int64_t iteration, double loss, const Tensor& grad) override;
  Tensor codes() const override { return best_; }

  const Tensor& offset() const { return offset_; }
  void set_offset(const Tensor& offset) { offset_.copy_from(offset); }
  Tensor current_codes() const;
  /// dL/do.
  Tensor gradient(const Tensor& grad) const;

 private:
  Tensor weight_;
  quant::QuantGrid grid_;
  Options options_;
  Tensor offset_, best_;
  double least_loss_;
};

}  // namespace quench::ptq
