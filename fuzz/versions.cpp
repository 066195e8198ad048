#include "experiments/runs/versions.h"

#include <stdexcept>

#include "experiments/compare/comparison.h"
#include "experiments/runs/run_history.h"
#include "fuzz/target.h"

using namespace quench;
using namespace quench::experiments;

/// versions.json, and comparison.json, which contains one.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text = fuzz::text_of(data, size);
  fuzz::may_refuse<std::runtime_error>([&] {
    const std::string written = versions_text(versions_from_text(text));
    fuzz::promise(versions_text(versions_from_text(written)) == written);
  });
  fuzz::may_refuse<std::runtime_error>([&] {
    const std::string written = history_text(history_from_text(text));
    fuzz::promise(history_text(history_from_text(written)) == written);
  });
  return fuzz::may_refuse<std::runtime_error>([&] {
    const std::string written = comparison_text(comparison_from_text(text, "input"));
    fuzz::promise(comparison_text(comparison_from_text(written, "again")) == written);
  });
}
