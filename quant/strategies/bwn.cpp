#include "quant/strategies/bwn.h"

#include <algorithm>
#include <cmath>

#include "quant/parts/straight_through.h"
#include "quant/parts/trained_map.h"
#include "quant/statistics/ordered_sum.h"
#include "quant/statistics/value_range.h"
#include "support/error.h"

namespace quench::quant {
namespace {

float inside(float x) { return std::abs(x) <= 1.0f ? 1.0f : 0.0f; }

/// y = alpha sign(w) with alpha = mean|w|, per tensor or per slice along axis 0:
///
///   dL/dw = dL/dy alpha [|w| <= 1] + sign(w) mean(dL/dy sign(w))
///
/// where the second part comes through alpha.
struct BinaryNode final : Node {
  Saved w;
  std::vector<float> alpha;

  BinaryNode(Saved w_in, std::vector<float> alpha_in)
      : w(std::move(w_in)), alpha(std::move(alpha_in)) {}
  std::string_view name() const override { return "quantize"; }
  std::vector<Tensor> backward(const Tensor& grad_output) const override {
    const Tensor& weight = w.get();
    const Pieces pieces(weight.numel(), static_cast<std::int64_t>(alpha.size()));
    const std::vector<float> shares = through_alpha(weight, grad_output, pieces);
    Tensor grad(weight.shape());
    pieces.for_each([&](std::int64_t piece) {
      const std::int64_t begin = pieces.begin(piece), count = pieces.size(piece);
      const float scale = alpha[pieces.channel(piece)], share = shares[pieces.channel(piece)];
      const float *x = weight.data() + begin, *g = grad_output.data() + begin;
      float* to = grad.data() + begin;
#pragma omp simd
      for (std::int64_t i = 0; i < count; ++i)
        to[i] = g[i] * scale * inside(x[i]) + share * binary_code(x[i]);
    });
    return {std::move(grad)};
  }

 private:
  /// mean(dL/dy sign(w)) of each slice.
  static std::vector<float> through_alpha(const Tensor& weight, const Tensor& grad_output,
                                          const Pieces& pieces) {
    std::vector<float> sums(static_cast<std::size_t>(pieces.count()));
    pieces.for_each([&](std::int64_t piece) {
      const float *x = weight.data() + pieces.begin(piece),
                  *g = grad_output.data() + pieces.begin(piece);
      sums[static_cast<std::size_t>(piece)] = lane_sum<float>(
          pieces.size(piece), [=](std::int64_t i) { return g[i] * binary_code(x[i]); });
    });
    std::vector<double> totals(static_cast<std::size_t>(pieces.channels), 0.0);
    for (std::int64_t piece = 0; piece < pieces.count(); ++piece)
      totals[pieces.channel(piece)] += double{sums[static_cast<std::size_t>(piece)]};
    std::vector<float> shares(totals.size());
    std::ranges::transform(totals, shares.begin(), [&](double total) {
      return static_cast<float>(total) / static_cast<float>(pieces.slice);
    });
    return shares;
  }
};

enum class Gradient : std::uint8_t { full, paper, identity };

Gradient read_bwn_gradient(const Settings& settings) {
  const std::string name = settings.choice(
      {"gradient", "by the chain rule, as the XNOR-Net paper prints it, or straight-through"},
      "full", {"full", "xnor", "identity"});
  if (name == "full") return Gradient::full;
  return name == "xnor" ? Gradient::paper : Gradient::identity;
}

class Bwn final : public Quantizer {
 public:
  explicit Bwn(const SlotSpec& spec)
      : Quantizer(spec), gradient_(read_bwn_gradient(spec.settings)), grid_(binary_grid()) {}

  QuantGrid grid() const override {
    expect(observed_, "{}: {} has no grid until it has seen the weight", slot(), method());
    return grid_;
  }

  void observe(const Tensor& w) override {
    const bool per_channel = granularity() == Granularity::per_channel;
    const std::vector<double> means = mean_abs(w, per_channel, slot());
    grid_.set_channels(means.size(), per_channel);
    std::ranges::transform(means, grid_.scale.begin(), storable_scale);
    observed_ = true;
  }

 protected:
  Variable train_forward(const Variable& w) override {
    observe(w.value());
    if (gradient_ == Gradient::identity)
      return straight_through(w, fake_quantize(w.value(), grid_));

    if (gradient_ == Gradient::full) {
      return record<BinaryNode>({w}, fake_quantize(w.value(), grid_), Saved(w.value()),
                                grid_.scale);
    }
    const float share = static_cast<float>(grid_.scale.size()) /
                        static_cast<float>(std::max<std::int64_t>(w.value().numel(), 1));
    return map_trained<0>(
        w, {}, grid_.scale, [](float x, float scale) { return scale * binary_code(x); },
        [share](float x, float g, float scale) {
          return ElementGradient<0>{g * (share + scale * inside(x)), {}};
        });
  }

 private:
  Gradient gradient_;
  QuantGrid grid_;
  bool observed_ = false;
};

}  // namespace

std::unique_ptr<Quantizer> make_bwn(const SlotSpec& spec) { return std::make_unique<Bwn>(spec); }

Strategy bwn_strategy() {
  return {{.name = "bwn",
           .summary = "sign times the filter's mean magnitude",
           .paper = "Rastegari et al. 2016, arXiv:1603.05279",
           .weight_bits = {1, 1},
           .activation_bits = {0, 0},
           .per_channel = true,
           .granularity = Granularity::per_channel},
          make_bwn};
}

}  // namespace quench::quant
