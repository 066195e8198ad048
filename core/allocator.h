#pragma once

#include <cstddef>
#include <cstdint>

namespace quench {

/// Statistics of the tensor pool since the start of the program.
struct AllocatorStats {
  std::size_t bytes_in_use = 0;  ///< allocated and not yet freed
  std::size_t peak_bytes_in_use = 0;
  std::size_t bytes_reserved = 0;        ///< taken from the system, in use or free
  std::uint64_t system_allocations = 0;  ///< number of times the pool grew
};

/// Allocates a 64-byte aligned block from the tensor pool, one growing arena on huge pages.
///
/// Freed blocks are merged with their neighbours and reused, best fit first, so repeated training
/// steps need no new memory from the system. Thread-safe. Memory is never returned to the system:
/// the next step soon needs the same peak.
///
/// @throws std::runtime_error  if the system has no more memory (the message names the size)
void* allocate(std::size_t bytes);
/// Frees a block from allocate(); must not be null.
void deallocate(void* block) noexcept;

AllocatorStats allocator_stats();
/// Resets peak_bytes_in_use to bytes_in_use.
void reset_allocator_peak();

}  // namespace quench
