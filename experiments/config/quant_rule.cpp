#include "experiments/config/quant_rule.h"

namespace quench::train {
namespace {

constexpr int kFloatBits = 32;

struct SlotRule {
  std::string method;
  int bits;
};

/// What the slot's own table says wins.
SlotRule rule_for(const Settings& quant, const char* slot) {
  const Settings table = quant.table(slot);
  const std::string method = table.text("method", quant.text("method", "none"));
  constexpr std::int64_t kDefaultBits = 8;
  const auto bits = table.integer("bits", quant.integer("bits", kDefaultBits));
  return {method, method == "none" ? kFloatBits : static_cast<int>(bits)};
}

}  // namespace

QuantRule quant_rule(const Settings& quant) {
  const SlotRule weight = rule_for(quant, "weight");
  const SlotRule activation = rule_for(quant, "activation");
  return {.method = weight.method == activation.method ? weight.method
                                                       : weight.method + " / " + activation.method,
          .weight_bits = weight.bits,
          .activation_bits = activation.bits};
}

}  // namespace quench::train
