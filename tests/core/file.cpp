#include "core/file.h"

#include <doctest/doctest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <stdexcept>
#include <string>

#include "temporary_folder.h"

using namespace quench;

namespace {

std::string text_of(const std::filesystem::path& path) {
  const std::vector<std::byte> bytes = read_file(path);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::size_t files_in(const std::filesystem::path& folder) {
  const std::filesystem::directory_iterator files(folder);
  return static_cast<std::size_t>(std::distance(begin(files), end(files)));
}

/// Stands in for a full disk: writes beyond `bytes` fail with "File too large".
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }

 private:
  rlimit before_{};
  void (*handler_)(int);
};

}  // namespace

TEST_CASE("write_file_atomically: replaces the whole file and leaves no temporary") {
  const TemporaryFolder folder;
  const auto path = folder / "a.txt";
  write_file_atomically(path, "a longer first text");
  write_file_atomically(path, "second");
  CHECK(text_of(path) == "second");
  CHECK(files_in(folder.path()) == 1);
}

TEST_CASE(
    "write_file_atomically: a write that fails keeps the old file and removes the temporary") {
  const TemporaryFolder folder;
  const auto path = folder / "a.txt";
  write_file_atomically(path, "old");
  {
    const FileSizeLimit limit(1000);
    const std::string expected = "cannot write " + path.string() + ": File too large";
    CHECK_THROWS_WITH_AS(write_file_atomically(path, std::string(5000, 'x')), expected.c_str(),
                         std::runtime_error);
  }
  CHECK_THROWS_AS(write_file_atomically(path, [](const FileSink&) { throw std::bad_alloc(); }),
                  std::bad_alloc);
  CHECK(text_of(path) == "old");
  CHECK(files_in(folder.path()) == 1);
}

TEST_CASE("files: an error names path and reason") {
  const TemporaryFolder folder;
  const auto path = folder / "absent" / "a.txt";
  const std::string reason = path.string() + ": No such file or directory";
  CHECK_THROWS_WITH_AS(write_file_atomically(path, "x"), ("cannot write " + reason).c_str(),
                       std::runtime_error);
  CHECK_THROWS_WITH_AS(append_to_file(path, "x"), ("cannot write " + reason).c_str(),
                       std::runtime_error);
  CHECK_THROWS_WITH_AS(read_file(path), ("cannot open " + reason).c_str(), std::runtime_error);
  CHECK_THROWS_AS(read_file(folder.path()), std::runtime_error);
}

TEST_CASE("append_to_file: makes the file and then adds to it") {
  const TemporaryFolder folder;
  append_to_file(folder / "a", "one\n");
  append_to_file(folder / "a", "two\n");
  CHECK(text_of(folder / "a") == "one\ntwo\n");
}

TEST_CASE("read_file: reads files whose size the system does not know") {
  CHECK_FALSE(read_file("/proc/self/stat").empty());
}

TEST_CASE("read_file: a file that is shorter than the system said is an error") {
  // As if it had been cut short meanwhile: such files of sysfs say that they have a page.
  const std::filesystem::path path = "/sys/kernel/mm/transparent_hugepage/enabled";
  if (!std::filesystem::exists(path)) return;
  CHECK_THROWS_WITH_AS(read_file(path), doctest::Contains("it became shorter while it was read"),
                       std::runtime_error);
}
