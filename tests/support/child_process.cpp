#include "support/child_process.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <string>

#include "support/file.h"
#include "temporary_folder.h"

using namespace quench;

namespace {

std::string text_of(const std::filesystem::path& path) {
  const auto bytes = read_file(path);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

TEST_CASE("child process: is not a rank of its parent's job") {
  const TemporaryFolder folder;
  for (const char* variable : {"OMPI_COMM_WORLD_SIZE", "PMIX_RANK", "PMI_SIZE", "QUENCH_KEPT"})
    ::setenv(variable, "7", 1);
  ChildProcess child(
      {.program = "/bin/sh",
       .words = {"sh", "-c", "echo $OMPI_COMM_WORLD_SIZE$PMIX_RANK$PMI_SIZE$QUENCH_KEPT"},
       .output = folder / "out",
       .errors = folder / "err"});
  CHECK(child.wait() == 0);
  CHECK(text_of(folder / "out") == "7\n");
  for (const char* variable : {"OMPI_COMM_WORLD_SIZE", "PMIX_RANK", "PMI_SIZE", "QUENCH_KEPT"})
    ::unsetenv(variable);
}

TEST_CASE("child process: runs another program and returns its output and status") {
  const TemporaryFolder folder;
  ChildProcess child({.program = "/bin/sh",
                      .words = {"sh", "-c", "echo said; echo wrong >&2; cat; exit 3"},
                      .output = folder / "out",
                      .errors = folder / "err"});
  CHECK(child.wait() == 3);
  CHECK(child.poll() == 3);
  CHECK(text_of(folder / "out") == "said\n");
  CHECK(text_of(folder / "err") == "wrong\n");
}

TEST_CASE("child process: a stopped one reports the signal like a shell") {
  const TemporaryFolder folder;
  ChildProcess child({.program = "/bin/sleep",
                      .words = {"sleep", "60"},
                      .output = folder / "out",
                      .errors = folder / "out"});
  CHECK_FALSE(child.poll().has_value());
  child.ask_to_stop();
  CHECK(child.wait() == 128 + 15);
}
