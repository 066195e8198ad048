#include "core/allocator.h"

#include <doctest/doctest.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <thread>
#include <vector>

#include "core/random.h"
#include "core/tensor.h"

namespace quench {

TEST_CASE("allocator: blocks are 64-byte aligned and do not overlap") {
  Random random(1, "allocator");
  struct Block {
    unsigned char* data;
    std::size_t bytes;
    unsigned char mark;
  };
  std::vector<Block> blocks;
  for (int i = 0; i < 2000; ++i) {
    if (blocks.size() > 100 || (!blocks.empty() && random.below(3) == 0)) {
      std::swap(blocks[random.below(static_cast<std::uint32_t>(blocks.size()))], blocks.back());
      const Block block = blocks.back();
      blocks.pop_back();
      bool intact = true;
      for (std::size_t k = 0; k < block.bytes; ++k) intact &= block.data[k] == block.mark;
      CHECK(intact);
      deallocate(block.data);
      continue;
    }
    const std::size_t bytes = random.below(random.below(4) == 0 ? 100000 : 300);
    auto* data = static_cast<unsigned char*>(allocate(bytes));
    REQUIRE(reinterpret_cast<std::uintptr_t>(data) % 64 == 0);
    const auto mark = static_cast<unsigned char>(i);
    std::memset(data, mark, bytes);
    blocks.push_back({data, bytes, mark});
  }
  for (const Block& block : blocks) deallocate(block.data);
}

TEST_CASE("allocator: threads may allocate and free at once") {
  const auto churn = [](std::uint64_t seed, bool& intact) {
    Random random(seed, "churn");
    for (int i = 0; i < 3000; ++i) {
      Tensor a = Tensor::full({random.below(500) + 1}, static_cast<float>(seed));
      const Tensor b = a.clone();
      intact = intact && b.span().back() == static_cast<float>(seed);
    }
  };
  std::array<bool, 3> intact{true, true, true};
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < intact.size(); ++i) {
    threads.emplace_back(churn, i, std::ref(intact[i]));
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(intact == std::array<bool, 3>{true, true, true});
}

// Under AddressSanitizer every tensor is a separate block, so there is no pool to test.
#if !defined(__SANITIZE_ADDRESS__)

TEST_CASE("allocator: counters follow what is in use") {
  const std::size_t before = allocator_stats().bytes_in_use;
  void* a = allocate(1);
  void* b = allocate(65);
  CHECK(allocator_stats().bytes_in_use == before + 64 + 128);
  deallocate(a);
  CHECK(allocator_stats().bytes_in_use == before + 128);
  deallocate(b);
  const AllocatorStats stats = allocator_stats();
  CHECK(stats.bytes_in_use == before);
  CHECK(stats.peak_bytes_in_use >= before + 192);
  CHECK(stats.bytes_reserved >= stats.peak_bytes_in_use);
}

TEST_CASE("allocator: freed neighbours merge, whatever the order they are freed in") {
  constexpr std::size_t kPart = std::size_t{3} << 20;
  constexpr std::array<std::array<int, 3>, 3> kOrders{{{0, 1, 2}, {2, 1, 0}, {0, 2, 1}}};
  for (const auto& order : kOrders) {
    // Larger than any hole that other tests left, so the three are adjacent in its place.
    void* whole = allocate(3 * kPart);
    deallocate(whole);
    std::array<void*, 3> parts{};
    for (void*& part : parts) part = allocate(kPart);
    for (const int i : order) deallocate(parts[static_cast<std::size_t>(i)]);
    const std::uint64_t asked = allocator_stats().system_allocations;
    void* again = allocate(3 * kPart);
    CHECK(allocator_stats().system_allocations == asked);
    deallocate(again);
  }
}

TEST_CASE("allocator: the smallest block that fits is taken") {
  // Separators keep the freed blocks apart.
  void* large = allocate(64 * 1024);
  void* separator1 = allocate(64);
  void* small = allocate(5 * 1024);
  void* separator2 = allocate(64);
  deallocate(large);
  deallocate(small);
  void* fitting = allocate(5 * 1024);
  CHECK(fitting != large);
  void* filling = allocate(64 * 1024);
  deallocate(fitting);
  deallocate(filling);
  deallocate(separator1);
  deallocate(separator2);
}

TEST_CASE("allocator: a repeated pattern needs no memory from the system") {
  const auto step = [] {
    std::vector<Tensor> activations;
    for (std::int64_t size = 1; size < 2000000; size *= 3) activations.push_back(Tensor({size}));
    for (Tensor& x : activations) x = Tensor({x.numel() / 2 + 1});
  };
  step();
  const AllocatorStats first = allocator_stats();
  for (int i = 0; i < 50; ++i) step();
  const AllocatorStats last = allocator_stats();
  CHECK(last.system_allocations == first.system_allocations);
  CHECK(last.bytes_reserved == first.bytes_reserved);
}

TEST_CASE("allocator: more memory than the machine has is an error that names the size") {
  CHECK_THROWS_AS(Tensor({std::int64_t{1} << 47}, DType::f64), std::runtime_error);
  CHECK(Tensor::full({4}, 1.0f).data()[3] == 1.0f);  // and the pool still works
}

#endif

}  // namespace quench
