#include <array>

#include "core/ops/patch_magnitude.h"
#include "quant/registry.h"
#include "quant/statistics/value_range.h"
#include "vectors/backward.h"
#include "vectors/operations.h"

namespace quench::vectors {
namespace {

using namespace quench::quant;

std::unique_ptr<Quantizer> bwn_of(const char* gradient) {
  Settings settings = Settings::from({{"gradient", gradient}});
  return make_quantizer(
      "bwn",
      {.bits = 1, .granularity = Granularity::per_channel, .slot = "case", .settings = settings});
}

void bwn_quantize(const Case& c, Comparison& check) {
  if (c.params.at("axis").get<int>() != 0) throw NotThere{"an axis other than 0"};
  const Tensor w = tensor(c.inputs.at("w"));
  check.f64("alpha", mean_abs(w, true, "case"), c.expect.at("alpha"));
  for (const char* name : {"identity", "xnor", "full"}) {
    const auto quantizer = bwn_of(name);
    const Variable leaf(w, true);
    const Variable y = quantizer->forward(leaf);
    check.f32("w_t", y.value(), c.expect.at("w_t"));
    if (!c.inputs.contains("upstream")) continue;
    backward(y, tensor(c.inputs.at("upstream")));
    const std::string key = std::string("grad_") + name;
    check.f32(key, gradient(leaf), c.expect.at(key));
  }
  const auto quantizer = bwn_of("full");
  quantizer->set_mode(Mode::evaluation);
  check.exact("b", quantizer->codes(w)->values, c.expect.at("b"));
}

void xnor_input_scale(const Case& c, Comparison& check) {
  const int kernel = c.params.at("kernel"), stride = c.params.at("stride");
  const int pad = c.params.at("pad");
  const Tensor x = tensor(c.inputs.at("x"));
  const Padding padding{pad, pad, pad, pad};
  // A kernel of one tap gives the padded mean over channels.
  check.f32("A", patch_magnitude(x, {1, 1}, {.padding = padding}), c.expect.at("A"));
  check.f32("K",
            patch_magnitude(x, {kernel, kernel}, {.stride = {stride, stride}, .padding = padding}),
            c.expect.at("K"));
}

constexpr std::array kOperations{Operation{"bwn.quantize", bwn_quantize},
                                 Operation{"xnor.input_scale", xnor_input_scale}};

}  // namespace

std::span<const Operation> bwn_xnor_operations() { return kOperations; }

}  // namespace quench::vectors
