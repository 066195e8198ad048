#pragma once

#include <cstddef>
#include <cstdint>

namespace quench {

/// What the tensor pool holds and has done since the start of the program.
struct AllocatorStats {
  std::size_t bytes_in_use = 0;  ///< handed out and not yet returned
  std::size_t peak_bytes_in_use = 0;
  std::size_t bytes_reserved = 0;        ///< taken from the system, in use or free
  std::uint64_t system_allocations = 0;  ///< how often the pool had to ask the system for more
};

/// The pool all tensors live in: 64-byte aligned blocks cut from one growing arena on huge pages.
///
/// Freed blocks are merged with their neighbours and handed out again, best fit first, so a
/// training step that repeats itself asks the system for nothing. Thread-safe. Memory is never
/// given back: a step's peak is needed again a moment later.
///
/// @throws std::runtime_error  if the system has no more memory (the message names the size)
void* allocate(std::size_t bytes);
/// Hands back what allocate() gave, once; never null.
void deallocate(void* block) noexcept;

AllocatorStats allocator_stats();
/// Starts peak_bytes_in_use anew from what is in use now.
void reset_allocator_peak();

}  // namespace quench
