#include "quant/strategies/none.h"

#include "core/error.h"

namespace quench::quant {
namespace {

class NoQuantizer final : public Quantizer {
 public:
  using Quantizer::Quantizer;
  bool quantizes() const override { return false; }
  void observe(const Tensor&) override {}
  QuantGrid grid() const override {
    throw std::logic_error(fmt::format("{}: \"none\" has no grid to export", slot()));
  }

 protected:
  Variable train_forward(const Variable& x) override { return x; }
};

}  // namespace

std::unique_ptr<Quantizer> make_none(const QuantizerSpec& spec) {
  return std::make_unique<NoQuantizer>(spec);
}

}  // namespace quench::quant
