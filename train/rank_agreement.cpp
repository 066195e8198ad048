#include "train/rank_agreement.h"

#include <algorithm>
#include <array>
#include <sstream>
#include <vector>

#include "core/communicator.h"
#include "support/crc32.h"
#include "support/error.h"
#include "train/network_state.h"

namespace quench::train {
namespace {

/// Describes the first line in which `text` differs from `reference`.
std::string first_difference(const std::string& text, const std::string& reference) {
  std::istringstream lines(text), reference_lines(reference);
  for (;;) {
    std::string line, reference_line;
    const bool one = static_cast<bool>(std::getline(lines, line));
    const bool other = static_cast<bool>(std::getline(reference_lines, reference_line));
    if (!one && !other) return "";
    if (line != reference_line)
      return fmt::format("expected '{}' as on rank 0, got '{}'", reference_line, line);
  }
}

/// One line per tensor: its name, shape and checksum.
std::string contents_of(layers::Module& network) {
  std::string text;
  for (const auto& [name, tensor] : network_state(network, "").tensors) {
    text += fmt::format("{} {} {:08x}\n", name, tensor.shape().to_string(),
                        crc32({tensor.bytes_begin(), tensor.bytes()}));
  }
  return text;
}

/// The difference on the first rank whose text differs from rank 0's; empty if all agree.
std::string difference_from_rank_0(const std::string& text) {
  std::string reference = text;
  communicator().broadcast(reference, 0);
  return first_text_of_ranks(first_difference(text, reference));
}

}  // namespace

std::string first_text_of_ranks(std::string own) {
  if (communicator().size() == 1) return own;
  const auto has_text = gather_from_ranks(own.empty() ? 0 : 1);
  const auto first = std::ranges::find(has_text, 1);
  if (first == has_text.end()) return "";
  const auto rank = static_cast<int>(first - has_text.begin());
  communicator().broadcast(own, rank);
  return fmt::format("rank {}: {}", rank, own);
}

void require_same_run(const std::string& run) {
  const std::string difference = difference_from_rank_0(run);
  require(difference.empty(), "all ranks must have the same run: {}", difference);
}

void require_same_network(layers::Module& network) {
  if (communicator().size() == 1) return;
  const std::string difference = difference_from_rank_0(contents_of(network));
  if (!difference.empty())
    fail(
        "the network must be bit-identical on all ranks: {}; check that all ranks use the same "
        "build and read the same file, and that quantizers combine their statistics over ranks "
        "(quant/statistics/batch_statistics.h)",
        difference);
}

bool any_rank(bool own) { return max_over_ranks(own ? 1.0 : 0.0) > 0.0; }

StepTotals StepTotals::over_ranks() const {
  std::array values{loss_sum, static_cast<double>(correct), static_cast<double>(images)};
  communicator().sum(values);
  return {values[0], static_cast<std::int64_t>(values[1]), static_cast<std::int64_t>(values[2])};
}

}  // namespace quench::train
