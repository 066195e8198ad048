#include "deploy/verify.h"

#include <bit>
#include <map>

#include "deploy/freeze.h"
#include "deploy/network/arithmetic.h"
#include "layers/module.h"
#include "support/error.h"

namespace quench::deploy {
namespace {

/// The number of indices i < count with differs(i).
template <typename Differs>
std::int64_t count_different(std::int64_t count, Differs differs) {
  std::int64_t different = 0;
  for (std::int64_t i = 0; i < count; ++i) different += differs(i) ? 1 : 0;
  return different;
}

class Comparison final : public layers::ForwardObserver {
 public:
  Comparison(layers::Module& network, const IntegerNetwork& integers, const Values& values)
      : integers_(integers), values_(values) {
    for (layers::QuantizableModule* module : network.quantizable_modules())
      quantizable_.emplace(module, module);
    for (ValueId id = 0; id < integers.values.size(); ++id) {
      for (const std::string& reader : integers.values[id].readers) by_reader_.emplace(reader, id);
    }
  }

  void after(const layers::Module& module, Inputs inputs, const Variable& /*output*/) override {
    const auto found = quantizable_.find(&module);
    if (found == quantizable_.end()) return;
    for (std::size_t i = 0; i < inputs.size(); ++i) compare(*found->second, i, inputs[i].value());
  }

  void compare_logits(const Tensor& logits) {
    const Tensor own = logits_of(integers_, values_);
    require(own.shape() == logits.shape(), "verify: expected logits {}, got {}",
            logits.shape().to_string(), own.shape().to_string());
    result.push_back(
        {"output", logits.numel(), count_different(logits.numel(), [&](std::int64_t i) {
           return std::bit_cast<std::uint32_t>(own.data()[i]) !=
                  std::bit_cast<std::uint32_t>(logits.data()[i]);
         })});
  }

  std::vector<ValueMismatches> result;

 private:
  void compare(layers::QuantizableModule& module, std::size_t input, const Tensor& x) {
    const std::string reader = reader_name(module, input);
    const auto id = by_reader_.find(reader);
    require(id != by_reader_.end(), "verify: the integer network has no value for {}", reader);
    const Tensor& own = values_[id->second];
    const auto quantized = module.input_quantizer(input).codes(x);
    require(quantized.has_value() && integers_.values[id->second].grid.has_value(),
            "verify: {} reads integers in only one of the two networks: the model was not made "
            "from this run",
            reader);
    const auto& codes = *quantized;
    require(own.numel() == codes.values.numel(), "verify: {}: expected {} codes, got {}", reader,
            codes.values.numel(), own.numel());
    const quant::QuantGrid& grid = *integers_.values[id->second].grid;
    result.push_back({reader, own.numel(), count_different(own.numel(), [&](std::int64_t i) {
                        const std::uint8_t stored = own.data<std::uint8_t>()[i];
                        return static_cast<float>(centered(stored, grid)) != codes.values.data()[i];
                      })});
  }

  const IntegerNetwork& integers_;
  const Values& values_;
  std::map<const layers::Module*, layers::QuantizableModule*> quantizable_;
  std::map<std::string, ValueId> by_reader_;
};

}  // namespace

std::vector<ValueMismatches> compare_with_evaluation(layers::Module& network,
                                                     const IntegerNetwork& integers,
                                                     const Values& values, const Tensor& images) {
  const NoGradGuard no_grad;
  const layers::ModeGuard modes(network, false, quant::Mode::evaluation);
  Comparison comparison(network, integers, values);
  const Tensor logits = network(Variable(images)).value();
  comparison.compare_logits(logits);
  return std::move(comparison.result);
}

std::int64_t Verification::compared() const {
  std::int64_t sum = 0;
  for (const ValueMismatches& value : values) sum += value.compared;
  return sum;
}

std::int64_t Verification::different() const {
  std::int64_t sum = 0;
  for (const ValueMismatches& value : values) sum += value.different;
  return sum;
}

Verification verify(layers::Module& network, Engine& engine, datasets::Loader& images,
                    std::int64_t batches) {
  Verification result;
  images.start_epoch(0);
  for (std::int64_t k = 0; batches == 0 || k < batches; ++k) {
    const auto batch = images.next();
    if (!batch) break;
    result.images += batch->images.dim(0);
    accumulate(result.values, compare_with_evaluation(network, engine.network(),
                                                      engine.values(batch->images), batch->images));
  }
  return result;
}

void accumulate(std::vector<ValueMismatches>& sum, const std::vector<ValueMismatches>& more) {
  if (sum.empty()) {
    sum = more;
    return;
  }
  expect(sum.size() == more.size(), "verify: counts of {} and {} values", sum.size(), more.size());
  for (std::size_t i = 0; i < sum.size(); ++i) {
    sum[i].compared += more[i].compared;
    sum[i].different += more[i].different;
  }
}

}  // namespace quench::deploy
