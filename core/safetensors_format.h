#pragma once

// Private to the safetensors*.cpp files.

#include <bit>
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>

#include "core/dtype.h"

namespace quench::safetensors {

static_assert(std::endian::native == std::endian::little, "safetensors files are little-endian");

inline constexpr std::size_t kLengthBytes = 8;  // the header's length comes first
inline constexpr const char* kMetadata = "__metadata__";
inline constexpr const char* kChecksum = "quench_checksum";

std::string_view dtype_name(DType dtype);  ///< "F32", ...

/// A type in the file, and the type after reading.
struct StoredType {
  std::string_view name;  ///< "F16"
  std::size_t bytes;      ///< of one value
  DType dtype;
  float (*widen)(std::uint16_t) = nullptr;  ///< converts 16-bit floats to float32
};
const StoredType* stored_type(std::string_view name);  ///< null for an unsupported type
std::string stored_type_names();                       ///< "F32, F64, ...", for messages

/// Calls `function` with a value of the C++ type for `dtype`.
template <typename Function>
auto with_type(DType dtype, Function&& function) {
  switch (dtype) {
    case DType::f64:
      return function(double{});
    case DType::s32:
      return function(std::int32_t{});
    case DType::s8:
      return function(std::int8_t{});
    case DType::u8:
      return function(std::uint8_t{});
    case DType::f32:
    case DType::bf16:  // not stored
      break;
  }
  return function(float{});
}

/// FNV-1a, 64 bits (Fowler, Noll, Vo). Every step is a bijection of the state, so it always detects
/// one changed byte.
class Checksum {
 public:
  void add(std::span<const std::byte> bytes);
  /// The checksum of the bytes so far and then of `header` without its checksum entry, as 16
  /// hexadecimal digits.
  std::string finish(nlohmann::json header);

 private:
  std::uint64_t state_ = 0xcbf29ce484222325u;
};

}  // namespace quench::safetensors
