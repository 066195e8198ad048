#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

/// What libFuzzer calls with each input; every file here defines one.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace quench::fuzz {

inline std::span<const std::byte> bytes_of(const std::uint8_t* data, std::size_t size) {
  return std::as_bytes(std::span(data, size));
}

inline std::string text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

/// Runs `read`, which may refuse its input by a Refusal. Any other exception ends the fuzzer with a
/// finding, as do a sanitizer's complaint and a broken promise().
template <typename Refusal, typename Read>
int may_refuse(Read read) {
  try {
    read();
  } catch (const Refusal&) {  // as the reader's header says
  }
  return 0;
}

/// What has to hold of everything that was read.
inline void promise(bool kept) {
  if (!kept) __builtin_trap();
}

}  // namespace quench::fuzz
