#include "support/shared_bytes.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <stdexcept>
#include <thread>

#include "support/file.h"
#include "temporary_folder.h"

using namespace quench;

namespace {

std::string text_of(const SharedBytes& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

TEST_CASE("shared bytes: a part keeps its bytes alive") {
  SharedBytes part;
  {
    const SharedBytes all = std::vector{std::byte{1}, std::byte{2}, std::byte{3}};
    part = all.part(1, 2);
    CHECK(all.size() == 3);
  }
  CHECK(part == SharedBytes(std::vector{std::byte{2}, std::byte{3}}));
  CHECK(!(part == SharedBytes(std::vector{std::byte{2}, std::byte{4}})));
  CHECK(SharedBytes().empty());
}

TEST_CASE("map_file: a file, also one that is removed meanwhile") {
  const TemporaryFolder folder;
  write_file_atomically(folder / "a", "the text");
  const SharedBytes bytes = map_file(folder / "a");
  std::filesystem::remove(folder / "a");
  CHECK(text_of(bytes.part(4, 4)) == "text");
  write_file_atomically(folder / "a", "");
  CHECK(map_file(folder / "a").empty());
}

TEST_CASE("map_file: the contents of a pipe") {
  const TemporaryFolder folder;
  const std::filesystem::path pipe = folder / "pipe";
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  std::thread writer([&] { write_file_atomically(pipe, "through"); });
  CHECK(text_of(map_file(pipe)) == "through");
  writer.join();
}

TEST_CASE("map_file: paths that are not files") {
  const TemporaryFolder folder;
  CHECK_THROWS_AS(map_file(folder.path()), std::runtime_error);
  CHECK_THROWS_AS(map_file(folder / "absent"), std::runtime_error);
  CHECK_THROWS_AS(map_file("/dev/zero"), std::runtime_error);
}
