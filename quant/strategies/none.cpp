#include "quant/strategies/none.h"

#include "support/error.h"

namespace quench::quant {

QuantGrid NoQuantizer::grid() const {
  throw std::logic_error(fmt::format("{}: \"none\" has no grid to export", slot()));
}

namespace {

std::unique_ptr<Quantizer> make_none(const SlotSpec& spec) {
  return std::make_unique<NoQuantizer>(spec);
}

}  // namespace

Strategy none_strategy() {
  return {{.name = "none", .summary = "no quantization", .per_channel = true}, make_none};
}

}  // namespace quench::quant
