#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

/// The entry point that libFuzzer calls with each input; every target defines it.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace quench::fuzz {

inline std::span<const std::byte> bytes_of(const std::uint8_t* data, std::size_t size) {
  return std::as_bytes(std::span(data, size));
}

inline std::string text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

/// Runs `read`, which may reject its input with a Refusal. Any other exception is a finding, as are
/// a sanitizer's report and a broken promise().
template <typename Refusal, typename Read>
int may_refuse(Read read) {
  try {
    read();
  } catch (const Refusal&) {  // documented in the reader's header
  }
  return 0;
}

/// Asserts a property of every accepted input.
inline void promise(bool kept) {
  if (!kept) __builtin_trap();
}

}  // namespace quench::fuzz
