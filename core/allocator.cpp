#include "core/allocator.h"

#include <sys/mman.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <set>
#include <unordered_map>
#include <utility>

#include "support/error.h"

#if defined(__SANITIZE_ADDRESS__)
#include <cstdlib>
#endif

namespace quench {
namespace {

constexpr std::size_t kAlignment = 64;
constexpr std::size_t kHugePage = std::size_t{2} << 20;
// Address space only: pages get memory when the arena grows over them.
constexpr std::size_t kArenaBytes = std::size_t{1} << 40;
constexpr std::size_t kSmallestArena = std::size_t{1} << 32;

constexpr std::size_t round_up(std::size_t value, std::size_t unit) {
  return (value + unit - 1) / unit * unit;
}

/// One reserved range of addresses, used from the bottom. Because all blocks lie in one range, any
/// two adjacent free blocks can be merged; separate mappings would not allow that.
class Arena {
 public:
  void* take(std::size_t bytes) {
    const std::lock_guard lock(mutex_);
    bytes = round_up(std::max<std::size_t>(bytes, 1), kAlignment);
    if (base_ == nullptr) reserve();
    auto fit = free_by_size_.lower_bound({bytes, 0});
    if (fit == free_by_size_.end()) {
      grow(bytes);
      fit = free_by_size_.lower_bound({bytes, 0});
    }
    const auto [size, offset] = *fit;
    remove_free(offset, size);
    if (size > bytes) add_free(offset + bytes, size - bytes);
    used_.emplace(offset, bytes);
    stats_.bytes_in_use += bytes;
    stats_.peak_bytes_in_use = std::max(stats_.peak_bytes_in_use, stats_.bytes_in_use);
    return base_ + offset;
  }

  void give_back(void* block) noexcept {
    const std::lock_guard lock(mutex_);
    auto node = used_.extract(static_cast<std::size_t>(static_cast<char*>(block) - base_));
    std::size_t offset = node.key();
    std::size_t size = node.mapped();
    stats_.bytes_in_use -= size;
    auto next = free_by_offset_.lower_bound(offset);
    if (next != free_by_offset_.begin()) {
      const auto [previous_offset, previous_size] = *std::prev(next);
      if (previous_offset + previous_size == offset) {
        remove_free(previous_offset, previous_size);
        offset = previous_offset;
        size += previous_size;
      }
    }
    next = free_by_offset_.lower_bound(offset);
    if (next != free_by_offset_.end() && next->first == offset + size) {
      const std::size_t next_size = next->second;
      remove_free(next->first, next_size);
      size += next_size;
    }
    add_free(offset, size);
  }

  AllocatorStats stats() {
    const std::lock_guard lock(mutex_);
    return stats_;
  }

  void reset_peak() {
    const std::lock_guard lock(mutex_);
    stats_.peak_bytes_in_use = stats_.bytes_in_use;
  }

 private:
  void reserve() {
    for (reserved_ = kArenaBytes; reserved_ >= kSmallestArena; reserved_ /= 2) {
      void* range =
          mmap(nullptr, reserved_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
      if (range == MAP_FAILED) continue;  // an address-space limit: try half
      const auto address = reinterpret_cast<std::uintptr_t>(range);
      base_ = static_cast<char*>(range) + (round_up(address, kHugePage) - address);
      reserved_ -= kHugePage;
      return;
    }
    fail("allocator: the system refused to reserve {} GiB of addresses for tensors",
         kSmallestArena >> 30);
  }

  void grow(std::size_t bytes) {
    // A free block that ends at the top is extended.
    std::size_t tail = 0;
    if (!free_by_offset_.empty()) {
      const auto [offset, size] = *free_by_offset_.rbegin();
      if (offset + size == top_) tail = size;
    }
    // Grows by an extra eighth, so that small differences between the first steps of a run do not
    // each grow the arena. Pages that are never written cost addresses, not memory.
    const std::size_t step = round_up(bytes - tail + top_ / 8, kHugePage);
    if (top_ + step > reserved_ || mprotect(base_ + top_, step, PROT_READ | PROT_WRITE) != 0) {
      fail("allocator: no memory for a tensor of {} bytes ({} MiB are in use)", bytes,
           stats_.bytes_in_use >> 20);
    }
    madvise(base_ + top_, step,
            MADV_HUGEPAGE);  // only a hint: without huge pages everything is slower
    const std::size_t start = top_ - tail;
    if (tail > 0) remove_free(start, tail);
    top_ += step;
    add_free(start, tail + step);
    stats_.bytes_reserved = top_;
    ++stats_.system_allocations;
  }

  void add_free(std::size_t offset, std::size_t size) {
    free_by_offset_.emplace(offset, size);
    free_by_size_.emplace(size, offset);
  }
  void remove_free(std::size_t offset, std::size_t size) {
    free_by_offset_.erase(offset);
    free_by_size_.erase({size, offset});
  }

  std::mutex mutex_;
  char* base_ = nullptr;
  std::size_t reserved_ = 0;
  std::size_t top_ = 0;
  std::set<std::pair<std::size_t, std::size_t>>
      free_by_size_;  // (size, offset): best fit, lowest first
  std::map<std::size_t, std::size_t> free_by_offset_;
  std::unordered_map<std::size_t, std::size_t> used_;
  AllocatorStats stats_;
};

[[maybe_unused]] Arena& arena() {  // not used under AddressSanitizer
  // Never destroyed: tensors in static storage may be freed after a destructor here would have run.
  static Arena& instance = *new Arena;
  return instance;
}

}  // namespace

#if defined(__SANITIZE_ADDRESS__)
// Under AddressSanitizer every tensor is a separate block, so that an overrun is detected.
void* allocate(std::size_t bytes) {
  void* block =
      std::aligned_alloc(kAlignment, round_up(std::max<std::size_t>(bytes, 1), kAlignment));
  if (block == nullptr) fail("allocator: no memory for a tensor of {} bytes", bytes);
  return block;
}
void deallocate(void* block) noexcept { std::free(block); }
AllocatorStats allocator_stats() { return {}; }
void reset_allocator_peak() {}
#else
void* allocate(std::size_t bytes) { return arena().take(bytes); }
void deallocate(void* block) noexcept { arena().give_back(block); }
AllocatorStats allocator_stats() { return arena().stats(); }
void reset_allocator_peak() { arena().reset_peak(); }
#endif

}  // namespace quench
