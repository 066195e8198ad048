#include "cli/parts/failure.h"

#include <fmt/format.h>

#include <new>
#include <stdexcept>

#include "support/console.h"

namespace quench::cli {

Failure failure_of(const std::exception& error) {
  if (dynamic_cast<const std::invalid_argument*>(&error) != nullptr) return {error.what(), kUsage};
  if (dynamic_cast<const std::bad_alloc*>(&error) != nullptr) return {"out of memory", kFailure};
  return {error.what(), kFailure};
}

int complain(std::string_view message, int status) {
  remark(fmt::format("quench: {}", message));
  return status;
}

}  // namespace quench::cli
