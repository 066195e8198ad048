#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "core/parallel.h"

namespace quench {

/// The sum of term(i), a double, over [0, count): chunks of a fixed size add up, then the chunks in
/// order, so the thread count does not show.
template <typename Term>
double sum_of(std::int64_t count, Term term) {
  constexpr std::int64_t kChunk = 4096;
  const std::int64_t chunks = (count + kChunk - 1) / kChunk;
  std::vector<double> sums(static_cast<std::size_t>(chunks));
  parallel_for(chunks, kParallelGrain / kChunk, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t chunk = begin; chunk < end; ++chunk) {
      double sum = 0.0;
      for (std::int64_t i = chunk * kChunk; i < std::min(count, (chunk + 1) * kChunk); ++i)
        sum += term(i);
      sums[static_cast<std::size_t>(chunk)] = sum;
    }
  });
  double total = 0.0;
  for (const double sum : sums) total += sum;
  return total;
}

}  // namespace quench
