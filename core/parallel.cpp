#include "core/parallel.h"

#include <xmmintrin.h>

#include "support/error.h"

namespace quench {
namespace {

thread_local int scopes = 0;

}  // namespace

int num_threads() { return omp_get_max_threads(); }

void set_num_threads(int threads) {
  require(threads >= 1 && threads <= kMaxThreads, "threads: expected 1..{}, got {}", kMaxThreads,
          threads);
  omp_set_num_threads(threads);
}

void flush_denormals() {
  constexpr unsigned kFlushToZero = 0x8000, kDenormalsAreZero = 0x0040;
#pragma omp parallel
  _mm_setcsr(_mm_getcsr() | kFlushToZero | kDenormalsAreZero);
}

FixedOrderScope::FixedOrderScope() { ++scopes; }
FixedOrderScope::~FixedOrderScope() { --scopes; }
bool fixed_order() { return scopes > 0; }

}  // namespace quench
