#include "experiments/runs/tensorboard.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <limits>

#include "experiments/small_experiment.h"

namespace quench::experiments {
namespace {

/// Bytes as hexadecimal digits, separated by blanks.
std::string bytes(const std::string& digits) {
  std::string result;
  std::string pair;
  for (const char c : digits) {
    if (c != ' ') pair += c;
    if (pair.size() < 2) continue;
    result += static_cast<char>(std::stoi(pair, nullptr, 16));
    pair.clear();
  }
  return result;
}

EpochMetrics epoch(std::int64_t number) {
  return {.row = {.epoch = number, .step = 4 * number, .loss = 0.5},
          .wall_time = 1.7e9 + static_cast<double>(number),
          .layers = {{"conv1.weight", {{"scale", 0.25}}}}};
}

/// A file whose name, and so whose header, does not depend on the time.
EventFile file_in(const TemporaryFolder& folder) {
  std::ofstream(folder / "events.out.tfevents.1700000000.quench");
  const EventFile file(folder.path());
  std::filesystem::remove(file.path());
  return file;
}

TEST_CASE("tensorboard: a record is length, checksum, bytes, checksum") {
  // Derived by hand from the CRC-32C of RFC 3720's 32 zero bytes, 0x8a9136aa:
  // rotated right by 15 bits it is 0x6d551522, and plus 0xa282ead8 it is 0x0fd7fffa.
  const std::string record = tfrecord(std::string(32, '\0'));
  REQUIRE(record.size() == 8 + 4 + 32 + 4);
  CHECK(record.substr(0, 8) == bytes("20 00 00 00 00 00 00 00"));
  CHECK(record.substr(12, 32) == std::string(32, '\0'));
  CHECK(record.substr(44) == bytes("fa ff d7 0f"));
}

TEST_CASE("tensorboard: events are the fields of event.proto on protobuf's wire") {
  // 1.5 is 0x3ff8000000000000 as double, 300 is the varint ac 02, 0.5f is 0x3f000000.
  CHECK(scalar_event(1.5, 300, {{"lr", 0.5}}) ==
        bytes("09 00 00 00 00 00 00 f8 3f  10 ac 02  2a 0b  0a 09  0a 02 6c 72  15 00 00 00 3f"));
  CHECK(version_event(0.0) == bytes("09 00 00 00 00 00 00 00 00 1a 0d") + "brain.Event:2");
}

TEST_CASE("tensorboard: every column but the position, and every value of a layer, has a tag") {
  const Scalars scalars = scalars_of(epoch(1));
  CHECK(scalars.size() ==
        metrics_columns().size() - 2 + 1 - 4);  // values missing in quench 0.1 are NaN
  CHECK(std::ranges::find(scalars, std::pair<std::string, double>{"loss/train", 0.5}) !=
        scalars.end());
  CHECK(scalars.back() == std::pair<std::string, double>{"layers/conv1.weight/scale", 0.25});
}

TEST_CASE("tensorboard: test loss, top5 and classes have tags, but not a thousand classes") {
  EpochMetrics metrics = epoch(1);
  metrics.row.loss_quantized = 0.75;
  metrics.row.top5_float = 99.0;
  metrics.classes = {{"cat", 62.5, 87.5}};
  Scalars scalars = scalars_of(metrics);
  for (const auto& expected : Scalars{{"loss/quantized", 0.75},
                                      {"top5/float", 99.0},
                                      {"classes/cat/quantized", 62.5},
                                      {"classes/cat/float", 87.5}}) {
    CAPTURE(expected.first);
    CHECK(std::ranges::find(scalars, expected) != scalars.end());
  }
  metrics.classes.resize(1000);
  for (const auto& [tag, value] : scalars_of(metrics)) CHECK_FALSE(tag.starts_with("classes/"));
}

TEST_CASE("tensorboard: appending and rewriting give the same file; a correct one is not touched") {
  const TemporaryFolder folder;
  const EventFile file = file_in(folder);
  for (int number = 1; number <= 3; ++number) file.append(epoch(number));
  const std::string three = read_bytes(file.path());
  CHECK(three.starts_with(tfrecord(version_event(1.7e9))));

  const std::vector<EpochMetrics> epochs{epoch(1), epoch(2), epoch(3)};
  const auto written = std::filesystem::last_write_time(file.path());
  file.rewrite(epochs);
  CHECK(std::filesystem::last_write_time(file.path()) == written);

  file.append(epoch(4));
  std::ofstream(file.path(), std::ios::app) << "torn";
  file.rewrite(epochs);
  CHECK(read_bytes(file.path()) == three);
}

TEST_CASE("tensorboard: a folder's file is found again") {
  const TemporaryFolder folder;
  const EventFile first(folder.path());
  CHECK(first.path().filename().string().starts_with("events.out.tfevents.1"));
  first.append(epoch(1));
  CHECK(EventFile(folder.path()).path() == first.path());
}

}  // namespace
}  // namespace quench::experiments
