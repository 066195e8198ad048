#include "quant/strategies/noise.h"

#include <algorithm>
#include <array>

#include "core/random.h"
#include "quant/parts/observed_quantizer.h"
#include "quant/parts/trained_map.h"
#include "quant/statistics/batch_statistics.h"

namespace quench::quant {
namespace {

struct Span {
  float scale, low, high;  ///< low and high: the ends of the grid, in real units
  Window window;
};

class Noise final : public ObservedQuantizer, Planned {
 public:
  Noise(const SlotSpec& spec, double quantize_from)
      : ObservedQuantizer(spec), quantize_from_(quantize_from), random_(0, stream()) {
    rounds_ = quantize_from_ == 0.0;
  }

  bool on_grid() const override { return rounds_; }
  Planned* planned() override { return quantize_from_ > 0.0 ? this : nullptr; }
  void begin(const TrainingPlan& plan) override {
    total_steps_ = plan.total_steps;
    random_ = Random(plan.seed, stream());
  }
  void step(std::int64_t step) override {
    rounds_ = quantize_from_ < 1.0 &&
              static_cast<double>(step + 1) >= quantize_from_ * static_cast<double>(total_steps_);
  }

  SavedState state() const override {
    SavedState state = ObservedQuantizer::state();
    state["passes"] = state_number(static_cast<double>(passes_));
    state["rounds"] = state_number(rounds_ ? 1.0 : 0.0);
    return state;
  }
  void load_state(const SavedState& state) override {
    ObservedQuantizer::load_state(state);
    passes_ = static_cast<std::uint64_t>(state_number(state, "passes", slot()));
    rounds_ = state_number(state, "rounds", slot()) != 0.0;
  }

 protected:
  Variable train_forward(const Variable& x) override {
    observe(x.value());
    const CodeRange range = codes_range();
    std::vector<Span> spans;
    for (const float scale : grid().scale) {
      spans.push_back({scale, scale * range.low, scale * range.high, gradient_window(scale)});
    }
    const std::uint64_t pass = passes_++;
    const auto pass_gradient = [](float v, float g, const Span& span) {
      const bool inside = (v >= span.window.low) & (v <= span.window.high);
      return ElementGradient<0>{.x = inside ? g : 0.0f};
    };
    if (rounds_) {
      return map_trained<0>(
          x, {}, std::move(spans),
          [=](float v, const Span& s) { return s.scale * integer_code(v, s.scale, range); },
          pass_gradient);
    }
    Random draws = random_.fork(pass);
    if (role() == Role::activation)
      draws.seek(static_cast<std::uint64_t>(BatchPlace(x.value().numel()).first));
    Tensor output = with_noise(x.value(), spans, draws);
    return record_trained<0>(x, {}, std::move(output), std::move(spans), pass_gradient);
  }

 private:
  std::string stream() const { return "noise " + slot(); }

  /// clip(x, low, high) + s n; n is drawn piece by piece, so that it stays in cache.
  static Tensor with_noise(const Tensor& x, const std::vector<Span>& spans, const Random& random) {
    Tensor output(x.shape());
    const Pieces pieces(x.numel(), static_cast<std::int64_t>(spans.size()));
    pieces.for_each([&](std::int64_t piece) {
      const std::int64_t begin = pieces.begin(piece), count = pieces.size(piece);
      std::array<float, Pieces::kSize> noise;
      Random here = random;
      here.seek(random.position() + static_cast<std::uint64_t>(begin));
      here.fill_uniform({noise.data(), static_cast<std::size_t>(count)});
      const Span span = spans[pieces.channel(piece)];
      const float *from = x.data() + begin, *draws = noise.data();
      float* to = output.data() + begin;
#pragma omp simd
      for (std::int64_t i = 0; i < count; ++i) {
        const float v = from[i];
        const float clipped = v < span.low ? span.low : (v > span.high ? span.high : v);
        to[i] = clipped + span.scale * (draws[i] - 0.5f);
      }
    });
    return output;
  }

  double quantize_from_;
  std::int64_t total_steps_ = 0;
  Random random_;
  std::uint64_t passes_ = 0;
  bool rounds_ = false;
};

std::unique_ptr<Quantizer> make_noise(const SlotSpec& spec) {
  return std::make_unique<Noise>(
      spec, spec.settings.number(
                {"quantize_from",
                 "fraction of the run after which training rounds instead of adding noise"},
                1.0, {0.0, 1.0}));
}

}  // namespace

Strategy noise_strategy() {
  return {{.name = "noise",
           .summary = "training adds uniform noise of one step, evaluation rounds",
           .paper = "Defossez et al. 2021, arXiv:2104.09987",
           .weight_bits = {2, 8},
           .activation_bits = {2, 8},
           .per_channel = true},
          make_noise};
}

}  // namespace quench::quant
