#include "experiments/runs/folder_lock.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <stdexcept>
#include <string>
#include <utility>

#include "temporary_folder.h"

using namespace quench;
using namespace quench::experiments;

TEST_CASE("FolderLock: is held until its object is destroyed, also after a move") {
  const TemporaryFolder folder;
  CHECK_FALSE(FolderLock::is_held(folder.path()));
  {
    FolderLock first(folder.path(), "shelf");
    const FolderLock second(std::move(first));
    CHECK(FolderLock::is_held(folder.path()));
    CHECK_THROWS_WITH_AS(
        FolderLock(folder.path(), "shelf"),
        ("shelf " + folder.path().string() + ": in use by process " + std::to_string(::getpid()))
            .c_str(),
        std::runtime_error);
  }
  CHECK_FALSE(FolderLock::is_held(folder.path()));
}

TEST_CASE("make_numbered_folder: takes the first free number") {
  const TemporaryFolder folder;
  CHECK(make_folder(folder / "a-2", "shelf"));
  CHECK_FALSE(make_folder(folder / "a-2", "shelf"));
  CHECK(make_numbered_folder(folder.path(), "a", "shelf") == folder / "a-1");
  CHECK(make_numbered_folder(folder.path(), "a", "shelf") == folder / "a-3");
}
