#include "support/console.h"

#include <doctest/doctest.h>

#include <fstream>
#include <regex>
#include <string>
#include <vector>

#include "temporary_folder.h"

using namespace quench;

namespace {

/// The lines of a log without their times, which are required.
std::vector<std::string> lines_of(const std::filesystem::path& log) {
  const std::regex form("[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z  (.*)");
  std::ifstream file(log);
  std::vector<std::string> lines;
  std::smatch match;
  for (std::string line; std::getline(file, line);) {
    REQUIRE(std::regex_match(line, match, form));
    lines.push_back(match[1]);
  }
  return lines;
}

}  // namespace

TEST_CASE("keep_log: output is appended with its time, also from before the log was opened") {
  const TemporaryFolder folder;
  const std::filesystem::path log = folder.path() / "log.txt";
  std::ofstream(log) << "2026-11-22T02:22:10Z  of an earlier process\n";
  note_in_log("before");
  keep_log(log);
  note_in_log("\ntwo\nlines");
  CHECK(lines_of(log) ==
        std::vector<std::string>{"of an earlier process", "before", "two", "lines"});
}

TEST_CASE("keep_log: a log that cannot be written does not end the program") {
  const TemporaryFolder folder;
  keep_log(folder.path() / "missing" / "log.txt");
  note_in_log("lost");
  if (std::filesystem::exists("/dev/full")) {
    keep_log("/dev/full");
    note_in_log("no room");
  }
  keep_log(folder.path() / "log.txt");
  note_in_log("kept");
  CHECK(lines_of(folder.path() / "log.txt") == std::vector<std::string>{"kept"});
}
