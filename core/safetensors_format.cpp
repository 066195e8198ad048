#include "core/safetensors_format.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "core/half.h"

namespace quench::safetensors {
namespace {

/// The types that we write come first.
constexpr std::array kTypes{StoredType{"F32", 4, DType::f32},
                            StoredType{"F64", 8, DType::f64},
                            StoredType{"I32", 4, DType::s32},
                            StoredType{"I8", 1, DType::s8},
                            StoredType{"U8", 1, DType::u8},
                            StoredType{"F16", 2, DType::f32, from_half},
                            StoredType{"BF16", 2, DType::f32, from_bfloat}};

}  // namespace

std::string_view dtype_name(DType dtype) {
  return std::ranges::find(kTypes, dtype, &StoredType::dtype)->name;
}

const StoredType* stored_type(std::string_view name) {
  const auto* const found = std::ranges::find(kTypes, name, &StoredType::name);
  return found == kTypes.end() ? nullptr : found;
}

std::string stored_type_names() {
  std::string names;
  for (const StoredType& type : kTypes)
    names += fmt::format("{}{}", names.empty() ? "" : ", ", type.name);
  return names;
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
  const std::string text = header.dump();  // sorted keys: the same text in writer and reader
  add(std::as_bytes(std::span(text)));
  return fmt::format("{:016x}", state_);
}

}  // namespace quench::safetensors
