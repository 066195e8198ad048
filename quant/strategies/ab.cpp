#include "quant/strategies/ab.h"

#include "quant/strategies/ab_options.h"

namespace quench::quant {

std::unique_ptr<Quantizer> make_ab(const QuantizerSpec& spec) {
  const AbOptions options(*spec.settings, spec.bits);
  return spec.role == Role::weight ? make_ab_weight(spec, options)
                                   : make_ab_activation(spec, options);
}

}  // namespace quench::quant
