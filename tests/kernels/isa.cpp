#include "kernels/isa.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <optional>
#include <stdexcept>
#include <string>

namespace quench::kernels {
namespace {

/// Sets QUENCH_MAX_ISA for a scope.
class MaxIsa {
 public:
  explicit MaxIsa(const char* value) {
    if (const char* before = std::getenv("QUENCH_MAX_ISA")) before_ = before;
    setenv("QUENCH_MAX_ISA", value, 1);
  }
  ~MaxIsa() {
    if (before_) {
      setenv("QUENCH_MAX_ISA", before_->c_str(), 1);
    } else {
      unsetenv("QUENCH_MAX_ISA");
    }
  }
  MaxIsa(const MaxIsa&) = delete;
  MaxIsa& operator=(const MaxIsa&) = delete;

 private:
  std::optional<std::string> before_;
};

}  // namespace

TEST_CASE("best_isa: QUENCH_MAX_ISA lowers it, and never raises it") {
  const Isa best = best_isa();
  {
    const MaxIsa limit("scalar");
    CHECK(best_isa() == Isa::scalar);
  }
  {
    const MaxIsa limit("avx2");
    CHECK(best_isa() <= Isa::avx2);
  }
  {
    const MaxIsa limit("avx512");
    CHECK(best_isa() >= best);
  }
}

TEST_CASE("best_isa: another value is an error that lists the right ones") {
  const MaxIsa limit("sse");
  CHECK_THROWS_WITH_AS(best_isa(), "QUENCH_MAX_ISA: expected scalar, avx2 or avx512, got 'sse'",
                       std::runtime_error);
}

}  // namespace quench::kernels
