#include "cli/version.h"

#include <fmt/format.h>

#include "core/mpi/job.h"
#include "core/onednn/version.h"
#include "deploy/kernels/isa.h"
#include "experiments/runs/versions.h"
#include "onnx/file/read.h"

namespace quench::command {

std::string version_text() {
  const train::Versions versions = train::current_versions(0, {});
  const auto or_else = [](const std::string& text, const char* missing) {
    return text.empty() ? missing : text;
  };
  return fmt::format(
      "quench {}\n"
      "commit    {}\n"
      "compiler  {}, for {}\n"
      "oneDNN    {}, uses {}\n"
      "kernels   use {}\n"
      "CPU       {}, {} threads\n"
      "ONNX      {}\n"
      "MPI       {}",
      versions.quench, or_else(versions.commit, "unknown"), versions.compiler,
      or_else(QUENCH_MARCH, "the compiler's default CPU"), versions.onednn, onednn::isa(),
      deploy::to_string(deploy::best_isa()), or_else(versions.cpu, "unknown"), versions.threads,
      or_else(onnx_version(), "not in this build"),
      or_else(mpi::library_version(), "not in this build"));
}

}  // namespace quench::command
