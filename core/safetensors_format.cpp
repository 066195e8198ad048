#include "core/safetensors_format.h"

#include <fmt/format.h>

#include <array>
#include <utility>

namespace quench::safetensors {
namespace {

constexpr std::array kDTypeNames{std::pair{DType::f32, "F32"}, std::pair{DType::f64, "F64"},
                                 std::pair{DType::s32, "I32"}, std::pair{DType::s8, "I8"},
                                 std::pair{DType::u8, "U8"}};

}  // namespace

std::string_view dtype_name(DType dtype) {
  for (const auto& [known, name] : kDTypeNames) {
    if (known == dtype) return name;
  }
  return {};
}

std::optional<DType> dtype_from(std::string_view name) {
  for (const auto& [dtype, known] : kDTypeNames) {
    if (known == name) return dtype;
  }
  return std::nullopt;
}

void Checksum::add(std::span<const std::byte> bytes) {
  constexpr std::uint64_t kPrime = 0x100000001b3u;
  std::uint64_t state = state_;
  for (const std::byte byte : bytes)
    state = (state ^ std::to_integer<std::uint64_t>(byte)) * kPrime;
  state_ = state;
}

std::string Checksum::finish(nlohmann::json header) {
  if (const auto metadata = header.find(kMetadata); metadata != header.end()) {
    metadata->erase(kChecksum);
  }
  const std::string text =
      header.dump();  // keys come sorted, so the text is the same in writer and reader
  add(std::as_bytes(std::span(text)));
  return fmt::format("{:016x}", state_);
}

}  // namespace quench::safetensors
