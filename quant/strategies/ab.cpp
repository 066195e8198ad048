#include "quant/strategies/ab.h"

#include "quant/strategies/ab_options.h"

namespace quench::quant {

namespace {

std::unique_ptr<Quantizer> make_ab(const SlotSpec& spec) {
  const AbOptions options(spec.settings, spec.bits);
  return spec.role == Role::weight ? make_ab_weight(spec, options)
                                   : make_ab_activation(spec, options);
}

}  // namespace

Strategy ab_strategy() {
  return {{.name = "ab",
           .summary = "blends float into quantized values, no gradient estimator",
           .paper = "Liu & Mattina 2019, arXiv:1903.01061",
           .per_channel = true},
          make_ab};
}

}  // namespace quench::quant
