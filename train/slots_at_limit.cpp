#include "train/slots_at_limit.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "layers/quantizable_module.h"
#include "support/text_list.h"

namespace quench::train {
namespace {

/// Calls visit(quantizer, its values at a limit) for the slots that have some.
template <typename Visit>
void for_each_limited(layers::Module& network, Visit visit) {
  layers::for_each_quantizer(network, [&](const quant::Quantizer& quantizer) {
    const quant::Limited* limited = quantizer.limited();
    if (limited == nullptr) return;
    const std::vector<quant::ValuesAtLimit> found = limited->at_limit();
    if (!found.empty()) visit(quantizer, found);
  });
}

std::string since_text(const std::vector<TrainingStep>& steps) {
  if (steps.empty()) return "";
  const auto [first, last] = std::ranges::minmax(steps);
  return fmt::format(" since epoch {}, step {}{}", first.epoch, first.step,
                     first == last ? "" : " and later");
}

struct Group {
  std::vector<std::string> slots;
  std::vector<TrainingStep> since;
};

}  // namespace

void update_slots_at_limit(layers::Module& network, TrainingStep now, SlotsAtLimit& slots) {
  SlotsAtLimit after;
  for_each_limited(network, [&](const quant::Quantizer& quantizer, const auto&) {
    const auto before = slots.find(quantizer.slot());
    after.emplace(quantizer.slot(), before == slots.end() ? now : before->second);
  });
  slots = std::move(after);
}

std::vector<std::string> limit_warnings(layers::Module& network, const SlotsAtLimit& since,
                                        const SlotsAtLimit& but_not) {
  std::map<std::string, Group> groups;
  for_each_limited(network, [&](const quant::Quantizer& quantizer,
                                const std::vector<quant::ValuesAtLimit>& found) {
    if (but_not.contains(quantizer.slot())) return;
    for (const quant::ValuesAtLimit& values : found) {
      Group& group = groups[fmt::format("{}: {}", quantizer.method(), values.what)];
      const std::string share =
          values.of == 1 ? "" : fmt::format(" ({} of {})", values.count, values.of);
      group.slots.push_back(quantizer.slot() + share);
      if (const auto known = since.find(quantizer.slot()); known != since.end())
        group.since.push_back(known->second);
    }
  });
  std::vector<std::string> lines;
  for (const auto& [what, group] : groups) {
    const std::size_t count = group.slots.size();
    lines.push_back(fmt::format(
        "WARNING: {} in {} {}{}: {}; it hardly trains from there, and a smaller optimizer.lr or "
        "optimizer.quantizer_lr_scale may avoid it",
        what, count, count == 1 ? "slot" : "slots", since_text(group.since), listed(group.slots)));
  }
  return lines;
}

}  // namespace quench::train
