#include "experiments/runs/run_difference.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <string_view>
#include <variant>

#include "core/safetensors.h"
#include "support/error.h"

namespace quench::experiments {
namespace {

namespace fs = std::filesystem;

bool is_time(std::string_view column) {
  constexpr std::array<std::string_view, 3> kTimes{"images_per_second", "seconds", "data_wait_s"};
  return std::ranges::find(kTimes, column) != kTimes.end();
}

bool same(double a, double b) {
  return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b) ||
         (std::isnan(a) && std::isnan(b));
}

std::optional<std::string> difference_of_rows(const MetricsRow& a, const MetricsRow& b) {
  for (const MetricsColumn& column : metrics_columns()) {
    if (is_time(column.name)) continue;
    const auto value = [&column](const MetricsRow& row) {
      return std::visit([&row](auto member) { return static_cast<double>(row.*member); },
                        column.member);
    };
    const bool told = !std::isnan(value(a)) && !std::isnan(value(b));
    if (column.since_0_2 && !told) continue;  // a run of quench 0.1
    if (!same(value(a), value(b)))
      return fmt::format("{}: {} and {}", column.name, value(a), value(b));
  }
  return std::nullopt;
}

std::optional<std::string> difference_of_slots(const SlotMetrics& a, const SlotMetrics& b) {
  if (a.slot != b.slot) return fmt::format("{} and {}", a.slot, b.slot);
  if (a.values.size() != b.values.size())
    return fmt::format("{}: {} and {} values", a.slot, a.values.size(), b.values.size());
  for (std::size_t i = 0; i < a.values.size(); ++i) {
    const auto& [name, value] = a.values[i];
    const auto& [other_name, other] = b.values[i];
    if (name != other_name) return fmt::format("{}: {} and {}", a.slot, name, other_name);
    if (!same(value, other)) return fmt::format("{}: {}: {} and {}", a.slot, name, value, other);
  }
  return std::nullopt;
}

std::optional<std::string> difference_of_epochs(const EpochMetrics& a, const EpochMetrics& b) {
  if (auto difference = difference_of_rows(a.row, b.row)) return difference;
  // Runs older than metrics.jsonl have no layers to compare.
  const std::size_t slots = std::min(a.layers.size(), b.layers.size());
  for (std::size_t i = 0; i < slots; ++i) {
    if (auto difference = difference_of_slots(a.layers[i], b.layers[i])) return difference;
  }
  return std::nullopt;
}

struct TensorDifference {
  std::int64_t elements = 0;
  double largest = 0.0;  // NaN if one of two differing values is NaN
};

template <typename T>
TensorDifference compare(const Tensor& a, const Tensor& b) {
  TensorDifference result;
  for (std::size_t i = 0; i < a.span<T>().size(); ++i) {
    const T left = a.span<T>()[i], right = b.span<T>()[i];
    if (std::memcmp(&left, &right, sizeof(T)) == 0) continue;
    ++result.elements;
    const double difference = std::abs(static_cast<double>(left) - static_cast<double>(right));
    if (!(difference <= result.largest)) result.largest = difference;
  }
  return result;
}

TensorDifference compare(const Tensor& a, const Tensor& b) {
  switch (a.dtype()) {
    case DType::f32:
      return compare<float>(a, b);
    case DType::f64:
      return compare<double>(a, b);
    case DType::s32:
      return compare<std::int32_t>(a, b);
    case DType::s8:
      return compare<std::int8_t>(a, b);
    case DType::u8:
      return compare<std::uint8_t>(a, b);
    case DType::bf16:  // never in a file
      break;
  }
  return {};
}

std::string description(const Tensor& tensor) {
  return fmt::format("{} {}", name_of(tensor.dtype()), tensor.shape().to_string());
}

std::optional<std::string> difference_of_tensors(const Tensor& a, const Tensor& b) {
  if (a.dtype() != b.dtype() || a.shape() != b.shape())
    return fmt::format("{} and {}", description(a), description(b));
  const TensorDifference difference = compare(a, b);
  if (difference.elements == 0) return std::nullopt;
  return fmt::format("{} of {} elements, by at most {:.2g}", difference.elements, a.numel(),
                     difference.largest);
}

}  // namespace

std::optional<std::string> first_difference(const std::vector<EpochMetrics>& a,
                                            const std::vector<EpochMetrics>& b) {
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    if (const auto difference = difference_of_epochs(a[i], b[i]))
      return fmt::format("epoch {}: {}", a[i].row.epoch, *difference);
  }
  return std::nullopt;
}

std::vector<std::string> different_tensors(const fs::path& a, const fs::path& b) {
  const TensorFile first = read_safetensors(a), second = read_safetensors(b);
  std::vector<std::string> result;
  for (const auto& [name, tensor] : first.tensors) {
    const auto other = second.tensors.find(name);
    if (other == second.tensors.end()) {
      result.push_back(fmt::format("{}: only in {}", name, a.string()));
    } else if (const auto difference = difference_of_tensors(tensor, other->second)) {
      result.push_back(fmt::format("{}: {}", name, *difference));
    }
  }
  for (const auto& [name, tensor] : second.tensors) {
    if (!first.tensors.contains(name))
      result.push_back(fmt::format("{}: only in {}", name, b.string()));
  }
  return result;
}

std::vector<std::string> different_versions(const Versions& then, const Versions& now) {
  std::vector<std::string> result;
  const auto compare = [&result](std::string_view name, const auto& before, const auto& after) {
    if (before != after) result.push_back(fmt::format("{}: then {}, now {}", name, before, after));
  };
  compare("commit", then.commit, now.commit);
  compare("oneDNN", then.onednn, now.onednn);
  compare("compiler", then.compiler, now.compiler);
  compare("CPU", then.cpu, now.cpu);
  if (!then.isa.empty()) compare("instruction set", then.isa, now.isa);
  compare("ranks", then.ranks, now.ranks);
  compare("threads", then.threads, now.threads);
  return result;
}

}  // namespace quench::experiments
