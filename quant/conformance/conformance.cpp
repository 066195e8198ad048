#include "quant/conformance/conformance.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>

#include "core/ops/reduce.h"
#include "core/parallel.h"
#include "quant/code.h"
#include "quant/conformance/variant.h"
#include "support/error.h"

namespace quench::quant {
namespace {

using Variant = PromiseVariant;
using Pass = PromisePass;
constexpr std::int64_t kSteps = PromiseVariant::kSteps;

bool same_bits(const Tensor& a, const Tensor& b) {
  return a.shape() == b.shape() && std::memcmp(a.data(), b.data(), a.bytes()) == 0;
}

bool is_code(float q, const QuantGrid& grid) {
  if (q != std::nearbyint(q)) return false;
  const auto code = static_cast<std::int32_t>(q);
  if (!grid.levels.empty()) return std::ranges::binary_search(grid.levels, code);
  return code >= grid.qmin && code <= grid.qmax;
}

/// Requires, in evaluation mode, that forward() maps x to the exported grid's codes and back.
void require_on_grid(Quantizer& quantizer, const Tensor& x, const char* what) {
  const Tensor y = quantizer.forward(Variable(x)).value();
  const auto codes = quantizer.codes(x);
  if (!codes) fail("{}: expected codes in evaluation, got none", what);
  const QuantGrid& grid = codes->grid;
  check_grid(grid, x.shape());
  if (grid != quantizer.grid()) fail("{}: grid() differs from the grid of the codes", what);
  if (grid.bits != quantizer.bits()) fail("grid() has {} bits", grid.bits);
  const std::int64_t slice = x.numel() / static_cast<std::int64_t>(grid.scale.size());
  for (std::int64_t i = 0; i < x.numel(); ++i) {
    const auto channel = static_cast<std::size_t>(i / slice);
    const float code = codes->values.data()[i];
    if (!is_code(code + static_cast<float>(grid.zero_point[channel]), grid))
      fail("{}: {} became {}, which is not a code of the grid", what, x.data()[i], code);
    const float real = grid.scale[channel] * code + grid.offset;
    if (y.data()[i] != real)
      fail("{}: {} evaluates to {}, but its code {} means {}", what, x.data()[i], y.data()[i], code,
           real);
  }
}

bool evaluation_is_the_grid(const Variant& variant) {
  for (const std::int64_t steps : {std::int64_t{1}, kSteps / 2, kSteps}) {
    const auto quantizer = variant.trained(steps);
    quantizer->set_mode(Mode::evaluation);
    for (const auto& [name, x] : all_examples()) require_on_grid(*quantizer, x, name);
  }
  return true;
}

bool activations_keep_their_grid(const Variant& variant) {
  if (variant.spec.role == Role::weight) return false;
  const auto quantizer = variant.trained(kSteps);
  const QuantGrid before = quantizer->grid();
  quantizer->set_mode(Mode::evaluation);
  Tensor x = random_tensor(kPromiseShape, 7, 100.0f);
  x.data()[0] = std::numeric_limits<float>::infinity();
  x.data()[1] = -std::numeric_limits<float>::infinity();
  x.data()[2] = std::numeric_limits<float>::quiet_NaN();
  require_on_grid(*quantizer, x, "infinities");
  if (quantizer->grid() != before) fail("evaluation changed the grid");
  const Tensor codes = quantizer->codes(x)->values;
  const float* values = codes.data();
  const auto zero_point = static_cast<float>(before.zero_point[0]);
  if (values[0] + zero_point != static_cast<float>(before.qmax) ||
      values[1] + zero_point != static_cast<float>(before.qmin))
    fail("infinities became {} and {}, not the ends of the grid", values[0], values[1]);
  return true;
}

/// A fixed grid (e.g. sign) accepts NaN like any value; a quantizer that estimates a range must
/// reject it.
bool nan_is_refused(const Variant& variant) {
  const auto quantizer = variant.trained(kSteps / 2);
  Tensor x = random_tensor(kPromiseShape, 8);
  x.data()[4] = std::numeric_limits<float>::quiet_NaN();
  try {
    quantizer->observe(x);
  } catch (const std::invalid_argument& error) {
    if (std::string(error.what()).find(PromiseVariant::kSlot) == std::string::npos)
      fail("the message does not name the slot: {}", error.what());
    return true;
  }
  check_grid(quantizer->grid(), kPromiseShape);
  return true;
}

bool training_is_finite(const Variant& variant) {
  for (const std::int64_t steps : {std::int64_t{0}, kSteps / 2}) {
    for (const auto& [name, x] : ordinary_examples()) {
      const auto quantizer = variant.trained(steps);
      const Pass result = pass(*quantizer, x, random_tensor(kPromiseShape, 8));
      if (result.output.shape() != x.shape()) fail("{}: the shape changed", name);
      if (!all_finite(result.output)) fail("{}: an output is not finite", name);
      if (!all_finite(result.gradient)) fail("{}: a gradient is not finite", name);
      for (const auto& [parameter, value] : quantizer->parameters())
        if (value.grad().defined() && !all_finite(value.grad()))
          fail("{}: the gradient of {} is not finite", name, parameter);
    }
  }
  return true;
}

/// The float range of a grid in one channel, and its step.
struct Reach {
  float low, high, step;
};

Reach reach_of(const QuantGrid& grid, std::size_t channel) {
  const float scale = grid.scale[channel];
  const CodeRange codes = centered_range(grid, channel);
  return {scale * codes.low + grid.offset, scale * codes.high + grid.offset, scale};
}

bool gradient_is_as_stated(const Variant& variant) {
  const Estimator stated = variant.spec.role == Role::weight ? variant.info().weight_gradient
                                                             : variant.info().activation_gradient;
  if (stated == Estimator::own) return false;
  const auto quantizer = variant.trained(kSteps / 2);
  const Tensor x = random_tensor(kPromiseShape, 11, 2.0f),
               upstream = random_tensor(kPromiseShape, 12);
  const Pass result = pass(*quantizer, x, upstream);
  if (variant.spec.role == Role::weight) quantizer->observe(x);
  const QuantGrid grid = quantizer->grid();
  const std::int64_t slice = x.numel() / static_cast<std::int64_t>(grid.scale.size());
  for (std::int64_t i = 0; i < x.numel(); ++i) {
    const Reach reach = reach_of(grid, static_cast<std::size_t>(i / slice));
    const float value = x.data()[i], g = upstream.data()[i], got = result.gradient.data()[i];
    const bool inside = value > reach.low && value < reach.high;
    const bool outside = value < reach.low - reach.step || value > reach.high + reach.step;
    const bool passes = stated == Estimator::identity || inside;
    // In between, estimators differ in where exactly their window ends.
    if (!passes && !outside) continue;
    const float expected = passes ? g : 0.0f;
    if (got != expected)
      fail("at x = {}: dL/dx is {} for dL/dy = {}, but the stated estimator gives {}", value, got,
           g, expected);
  }
  return true;
}

/// Whether changing one trained value changes the grid, the training output or the gradient.
bool answers(const Variant& variant, std::size_t index, float factor, float summand) {
  const auto quantizer = variant.trained(kSteps / 2);
  const Tensor x = random_tensor(kPromiseShape, 13);
  const Pass before = pass(*quantizer, x, ones());
  const QuantGrid grid = quantizer->grid();
  Variable value = quantizer->parameters()[index].second;
  for (float& number : value.mutable_value().span()) number = factor * number + summand;
  value.mutable_value().bump_version();
  const Pass after = pass(*quantizer, x, ones());
  return !same_bits(after.output, before.output) || !same_bits(after.gradient, before.gradient) ||
         quantizer->grid() != grid;
}

bool trained_values_count(const Variant& variant) {
  const auto quantizer = variant.trained(kSteps / 2);
  pass(*quantizer, random_tensor(kPromiseShape, 13), random_tensor(kPromiseShape, 14));
  const auto parameters = quantizer->parameters();
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const auto& [name, value] = parameters[i];
    if (!value.requires_grad()) fail("{} is not trainable", name);
    if (!value.grad().defined()) fail("{} gets no gradient", name);
    // A value may be at a limit of its range, or the change may be rounded away.
    if (!answers(variant, i, 2.0f, 1.0f) && !answers(variant, i, 0.75f, 0.0f) &&
        !answers(variant, i, 0.5f, -1.0f))
      fail("a change of {} has no effect", name);
  }
  return !parameters.empty();
}

void copy_parameters(Quantizer& from, Quantizer& to) {
  const auto source = from.parameters(), target = to.parameters();
  if (source.size() != target.size()) fail("a new quantizer has other trained values");
  for (std::size_t i = 0; i < source.size(); ++i) {
    Variable value = target[i].second;
    if (value.shape() != source[i].second.shape())
      fail("{} of a new quantizer has another shape", source[i].first);
    value.mutable_value().copy_from(source[i].second.value());
    value.mutable_value().bump_version();
  }
}

float step_scale(const Quantizer& quantizer) {
  const LatentUpdate* latent = quantizer.latent_update();
  return latent == nullptr ? 1.0f : latent->step_scale();
}

bool saved_state_goes_on(const Variant& variant) {
  for (const std::int64_t steps : {std::int64_t{0}, kSteps / 2, kSteps}) {
    const auto first = variant.trained(steps);
    const auto second = variant.make();
    second->load_state(first->state());
    copy_parameters(*first, *second);
    for (std::int64_t step = steps; step < kSteps + 2; ++step) {
      const Tensor x = random_tensor(kPromiseShape, 30 + static_cast<std::uint64_t>(step));
      const Pass a = pass(*first, x, ones()), b = pass(*second, x, ones());
      if (!same_bits(a.output, b.output)) fail("step {}: outputs differ after loading", step);
      if (!same_bits(a.gradient, b.gradient)) fail("step {}: gradients differ after loading", step);
      if (step_scale(*first) != step_scale(*second))
        fail("step {}: step scales differ after loading", step);
      for (Quantizer* quantizer : {first.get(), second.get()}) {
        move_parameters(*quantizer);
        quantizer->step(step);
      }
    }
  }
  return true;
}

bool threads_change_nothing(const Variant& variant) {
  const int before = num_threads();
  std::vector<Pass> passes;
  for (const int threads : {1, 3}) {
    set_num_threads(threads);
    const auto quantizer = variant.trained(kSteps / 2);
    passes.push_back(
        pass(*quantizer, random_tensor({6, 40, 20, 10}, 15), Tensor::full({6, 40, 20, 10}, 0.5f)));
  }
  set_num_threads(before);
  if (!same_bits(passes[0].output, passes[1].output)) fail("outputs differ with 3 threads");
  if (!same_bits(passes[0].gradient, passes[1].gradient)) fail("gradients differ with 3 threads");
  return true;
}

bool bypass_is_nothing(const Variant& variant) {
  const auto quantizer = variant.make();
  const Tensor x = random_tensor(kPromiseShape, 16);
  quantizer->set_mode(Mode::bypass);
  if (!quantizer->forward(Variable(x)).value().shares_storage_with(x))
    fail("a bypassed quantizer returns another tensor");
  if (quantizer->codes(x)) fail("a bypassed quantizer has codes");
  return true;
}

struct Rule {
  const char* name;
  bool (*check)(const Variant&);  ///< whether it applies; throws if it is broken
};

constexpr std::array kRules{
    Rule{"evaluation equals the exported grid", evaluation_is_the_grid},
    Rule{"evaluation keeps an activation's grid", activations_keep_their_grid},
    Rule{"NaN is rejected, or harmless", nan_is_refused},
    Rule{"training keeps shape and finite values", training_is_finite},
    Rule{"gradients match the stated estimator", gradient_is_as_stated},
    Rule{"trained values have gradients and effect", trained_values_count},
    Rule{"loaded state continues bit-exactly", saved_state_goes_on},
    Rule{"threads do not change the result", threads_change_nothing},
    Rule{"bypass returns the input", bypass_is_nothing},
};

}  // namespace

std::vector<PromiseCheck> check_promise(const std::string& name) {
  std::vector<Variant> variants = variants_of(find_strategy(name, "check-quantizer"));
  std::erase_if(variants, [](const Variant& variant) { return !variant.make()->quantizes(); });
  std::vector<PromiseCheck> results;
  for (const Rule& rule : kRules) {
    PromiseCheck result{.name = rule.name};
    for (const Variant& variant : variants) {
      try {
        result.variants += rule.check(variant) ? 1 : 0;
      } catch (const std::exception& error) {
        result.failure = fmt::format("{}: {}", variant.text(), error.what());
        break;
      }
    }
    results.push_back(std::move(result));
  }
  return results;
}

}  // namespace quench::quant
