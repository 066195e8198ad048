#include "quant/strategies/bwn.h"

#include <cmath>

#include "core/error.h"
#include "quant/extent.h"
#include "quant/straight_through.h"
#include "quant/trained_map.h"

namespace quench::quant {
namespace {

/// alpha = mean|w|, of the tensor or of each slice along axis 0, as a function of w.
struct MeanAbsNode final : Node {
  Saved w;

  explicit MeanAbsNode(Saved w_in) : w(std::move(w_in)) {}
  std::string_view name() const override { return "quantize"; }
  std::vector<Tensor> backward(const Tensor& grad_alpha) const override {
    const Tensor& weight = w.get();
    Tensor grad(weight.shape());
    const Pieces pieces(weight.numel(), grad_alpha.numel());
    pieces.for_each([&](std::int64_t piece) {
      const float share =
          grad_alpha.data()[pieces.channel(piece)] / static_cast<float>(pieces.slice);
      const float* __restrict from = weight.data() + pieces.begin(piece);
      float* __restrict to = grad.data() + pieces.begin(piece);
      const std::int64_t count = pieces.size(piece);
      for (std::int64_t i = 0; i < count; ++i) to[i] = share * binary_code(from[i]);
    });
    return {std::move(grad)};
  }
};

enum class Gradient : std::uint8_t { full, paper, identity };

Gradient read_gradient(const Settings& settings) {
  const std::string name = settings.choice("gradient", "full", {"full", "xnor", "identity"});
  if (name == "full") return Gradient::full;
  return name == "xnor" ? Gradient::paper : Gradient::identity;
}

class Bwn final : public Quantizer {
 public:
  explicit Bwn(const QuantizerSpec& spec)
      : Quantizer(spec), gradient_(read_gradient(*spec.settings)), grid_(binary_grid()) {}

  QuantGrid grid() const override {
    expect(observed_, "{}: {} has no grid before it has seen the weight", slot(), method());
    return grid_;
  }

  void observe(const Tensor& w) override {
    const bool per_channel = granularity() == Granularity::per_channel;
    const std::vector<double> means = mean_abs(w, per_channel, slot());
    grid_.axis = per_channel ? 0 : -1;
    grid_.zero_point.assign(means.size(), 0);
    grid_.scale.resize(means.size());
    std::ranges::transform(means, grid_.scale.begin(), storable_scale);
    observed_ = true;
  }

 protected:
  Variable train_forward(const Variable& w) override {
    observe(w.value());
    if (gradient_ == Gradient::identity)
      return straight_through(w, fake_quantize(w.value(), grid_));

    const auto channels = static_cast<std::int64_t>(grid_.scale.size());
    const Tensor alpha = Tensor::from_row_major({channels}, grid_.scale);
    const auto forward = [](float x, float scale) { return scale * binary_code(x); };
    if (gradient_ == Gradient::paper) {
      const float share = static_cast<float>(channels) /
                          static_cast<float>(std::max<std::int64_t>(w.value().numel(), 1));
      return map_trained<1>(w, {Variable(alpha)}, grid_.scale, forward,
                            [share](float x, float g, float scale) {
                              return ElementGradient<1>{g * (share + scale * inside(x)), {0.0f}};
                            });
    }
    // The tape adds up what reaches w through its sign and through its mean.
    const Variable mean = record<MeanAbsNode>({w}, alpha, Saved(w.value()));
    return map_trained<1>(w, {mean}, grid_.scale, forward, [](float x, float g, float scale) {
      return ElementGradient<1>{g * scale * inside(x), {g * binary_code(x)}};
    });
  }

 private:
  static float inside(float x) { return std::abs(x) <= 1.0f ? 1.0f : 0.0f; }

  Gradient gradient_;
  QuantGrid grid_;
  bool observed_ = false;
};

}  // namespace

std::unique_ptr<Quantizer> make_bwn(const QuantizerSpec& spec) {
  return std::make_unique<Bwn>(spec);
}

}  // namespace quench::quant
