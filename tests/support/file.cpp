#include "support/file.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
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

TEST_CASE("write_file_atomically: a symbolic link stays, its target is replaced or created") {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder / "deep");
  for (const char* content : {"made", "replaced"}) {
    std::filesystem::create_symlink("deep/target", folder / content);
    write_file_atomically(folder / content, content);
    CHECK(std::filesystem::is_symlink(folder / content));
    CHECK(text_of(folder / "deep" / "target") == content);
  }
  CHECK(files_in(folder / "deep") == 1);
}

TEST_CASE("write_file_atomically: permissions are kept") {
  const TemporaryFolder folder;
  using std::filesystem::perms;
  write_file_atomically(folder / "a", "old");
  std::filesystem::permissions(folder / "a", perms::owner_read | perms::group_read);
  write_file_atomically(folder / "a", "new");
  CHECK(text_of(folder / "a") == "new");
  CHECK(std::filesystem::status(folder / "a").permissions() ==
        (perms::owner_read | perms::group_read));
}

TEST_CASE("write_file_atomically: a hard link becomes a separate file") {
  const TemporaryFolder folder;
  write_file_atomically(folder / "a", "old");
  std::filesystem::create_hard_link(folder / "a", folder / "b");
  write_file_atomically(folder / "b", "new");
  CHECK(text_of(folder / "a") == "old");
}

TEST_CASE("write_file_atomically: a device stays one, and its error is reported") {
  write_file_atomically("/dev/null", "x");
  CHECK(std::filesystem::is_character_file("/dev/null"));
  CHECK_THROWS_WITH_AS(write_file_atomically("/dev/full", "x"),
                       "cannot write /dev/full: No space left on device", std::runtime_error);
  CHECK(std::filesystem::is_character_file("/dev/full"));
}

TEST_CASE("write_file_atomically: a pipe's reader gets the bytes, also by its descriptor") {
  const TemporaryFolder folder;
  const auto path = folder / "pipe";
  REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
  const int pipe = ::open(path.c_str(), O_RDWR);
  write_file_atomically(path, "by name, ");
  write_file_atomically("/dev/fd/" + std::to_string(pipe), "by number");
  std::string got(18, '?');
  CHECK(::read(pipe, got.data(), got.size()) == 18);
  CHECK(got == "by name, by number");
  ::close(pipe);
  CHECK(files_in(folder.path()) == 1);
}

TEST_CASE("append_to_file: creates the file, then appends to it") {
  const TemporaryFolder folder;
  append_to_file(folder / "a", "one\n");
  append_to_file(folder / "a", "two\n");
  CHECK(text_of(folder / "a") == "one\ntwo\n");
}

TEST_CASE("read_file: reads files whose size the system does not know") {
  CHECK_FALSE(read_file("/proc/self/stat").empty());
}

TEST_CASE("read_file: a device, which may never end, is rejected; so is a file beyond the limit") {
  CHECK_THROWS_WITH_AS(read_file("/dev/zero"),
                       "cannot read /dev/zero: expected a file, got a device", std::runtime_error);
  const TemporaryFolder folder;
  const auto path = folder / "a";
  write_file_atomically(path, "12345");
  CHECK(read_file(path, 5).size() == 5);
  const std::string reason = "cannot read " + path.string() + ": expected at most 4 bytes, got 5";
  CHECK_THROWS_WITH_AS(read_file(path, 4), reason.c_str(), std::runtime_error);
  std::filesystem::resize_file(path, std::uintmax_t{1} << 42);  // sparse: it takes no space
  CHECK_THROWS_AS(read_file(path), std::runtime_error);
}

TEST_CASE("read_file: a pipe is read to its end, or to the limit") {
  const auto pipe_with = [](std::size_t bytes) {
    std::array<int, 2> ends{};
    REQUIRE(::pipe(ends.data()) == 0);
    const std::string text(bytes, 'x');
    CHECK(::write(ends[1], text.data(), bytes) == static_cast<ssize_t>(bytes));
    ::close(ends[1]);
    return ends[0];
  };
  const int whole = pipe_with(5000), endless = pipe_with(5001);
  CHECK(read_file("/dev/fd/" + std::to_string(whole), 5000).size() == 5000);
  CHECK_THROWS_AS(read_file("/dev/fd/" + std::to_string(endless), 5000), std::runtime_error);
  ::close(whole);
  ::close(endless);
}

TEST_CASE("read_file: a file that is shorter than its reported size is an error") {
  // As if it had been truncated meanwhile: sysfs reports a size of one page for such files.
  const std::filesystem::path path = "/sys/kernel/mm/transparent_hugepage/enabled";
  if (!std::filesystem::exists(path)) return;
  CHECK_THROWS_WITH_AS(read_file(path), doctest::Contains("it shrank during the read"),
                       std::runtime_error);
}
