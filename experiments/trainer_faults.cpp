#include <cmath>
#include <filesystem>
#include <string>

#include "core/communicator.h"
#include "core/ops/reduce.h"
#include "experiments/rank_agreement.h"
#include "experiments/trainer.h"
#include "layers/module.h"
#include "support/error.h"

// What a Trainer says when it cannot go on.

namespace quench::train {
namespace {

std::string non_finite_text(Module& network, const datasets::Batch& batch, double loss) {
  const CommunicatorScope alone;  // others may have nothing to tell
  const std::string layer = first_non_finite(network, batch.images);
  const std::string where = layer.empty()
                                ? "every layer's output is finite, so it overflowed in the loss"
                                : layer + " is the first layer whose output holds NaN or infinity";
  return fmt::format("the loss is {}; {}; a smaller optimizer.lr may help",
                     std::isnan(loss) ? "NaN" : "infinite", where);
}

}  // namespace

void Trainer::fail_at(std::int64_t step, const std::string& what, const RunFolder& folder) const {
  const std::filesystem::path last = folder.last();
  const std::string saved = std::filesystem::exists(last)
                                ? "the last checkpoint is unharmed: " + last.string()
                                : "no checkpoint was written yet";
  fail("epoch {}, step {}: {}; {}", progress_.epoch + 1, step, what, saved);
}

void Trainer::explain_non_finite(const datasets::Batch& batch, double loss,
                                 const RunFolder& folder) {
  fail_at(progress_.step_in_epoch + 1,
          first_text_of_ranks(std::isfinite(loss) ? "" : non_finite_text(*network_, batch, loss)),
          folder);
}

void Trainer::require_finite(const RunFolder& folder) {
  const auto require = [&](const std::string& name, const Tensor& tensor) {
    const std::string value = first_non_finite(tensor);
    if (value.empty()) return;
    fail_at(progress_.step_in_epoch,
            fmt::format("{} holds {}; a smaller optimizer.lr may help", name, value), folder);
  };
  for (const Parameter& parameter : network_->parameters())
    require(parameter.name, parameter.value.value());
  for (const Buffer& buffer : network_->buffers()) require(buffer.name, buffer.value);
}

}  // namespace quench::train
