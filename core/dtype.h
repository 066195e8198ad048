#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/half.h"

namespace quench {

/// Element types: f64 for references and statistics, s32 for accumulators, s8 and u8 for codes and
/// masks, bf16 for operands of products.
enum class DType : std::uint8_t { f32, f64, s32, s8, u8, bf16 };

std::size_t size_of(DType dtype);       ///< bytes of one element
std::string_view name_of(DType dtype);  ///< "f32", ...

/// Whether T is the C++ type of a DType, and of which one.
template <typename T>
inline constexpr bool kIsElement = false;
template <typename T>
inline constexpr DType kDTypeOf = DType::f32;

#define QUENCH_ELEMENT(type, tag)                \
  template <>                                    \
  inline constexpr bool kIsElement<type> = true; \
  template <>                                    \
  inline constexpr DType kDTypeOf<type> = DType::tag;
QUENCH_ELEMENT(float, f32)
QUENCH_ELEMENT(double, f64)
QUENCH_ELEMENT(std::int32_t, s32)
QUENCH_ELEMENT(std::int8_t, s8)
QUENCH_ELEMENT(std::uint8_t, u8)
QUENCH_ELEMENT(BFloat16, bf16)
#undef QUENCH_ELEMENT

/// A type that a tensor can hold.
template <typename T>
concept Element = kIsElement<T>;

}  // namespace quench
