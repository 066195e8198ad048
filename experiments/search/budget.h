#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace quench::experiments {

/// What a budget limits.
enum class CostKind : std::uint8_t {
  size,       ///< of the weights and their scales, in bits
  bops,       ///< bit operations of one image
  latency,    ///< of one image, in milliseconds
  mean_bits,  ///< of the weights, in bits of all weights together
};

const std::string& name_of(CostKind kind);

/// A limit on one cost of a network.
struct Budget {
  CostKind kind = CostKind::size;
  /// In bytes, bit operations, milliseconds or bits per weight; > 0. Unused with `uniform`.
  double value = 0.0;
  /// The limit is the cost of the network with these bits in all searched layers.
  std::optional<int> uniform = {};
};

/// What parse_budget() takes, for help and messages.
inline constexpr const char* kBudgetForms =
    "size=250KiB (B, KB, MB, GB, KiB, MiB, GiB), bops=1.2G (none, K, M, G, T), latency=3.5ms (us, "
    "ms, s), "
    "mean_bits=4, or any of them as NAME=uniform:BITS";

/// "size=250KiB", "bops=1.2G", "latency=3.5ms", "mean_bits=4", "size=uniform:4".
/// @throws std::invalid_argument  for anything else; the message lists kBudgetForms
Budget parse_budget(const std::string& text);

/// A cost in the unit of its kind, for people: "250.0 KiB", "1.200 GBOPs", "3.500 ms", "4.00 bits".
/// @param value  as Budget::value
std::string cost_text(CostKind kind, double value);

}  // namespace quench::experiments
