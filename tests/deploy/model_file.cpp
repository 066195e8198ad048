#include "deploy/network/model_file.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>

#include "deploy/small_network.h"
#include "support/file.h"
#include "temporary_folder.h"

using namespace quench;
using namespace quench::deploy;

namespace {

using Bytes = std::vector<std::byte>;

std::string error_of(const Bytes& file) {
  try {
    parse_model(file, "m.qnc");
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "no error";
}

bool refused(const Bytes& file) { return error_of(file).starts_with("m.qnc: "); }

}  // namespace

TEST_CASE("model_file: a round trip changes nothing") {
  const TemporaryFolder folder;
  const IntegerNetwork network = testing::small_network();
  write_model(folder / "m.qnc", network);
  CHECK(read_model(folder / "m.qnc") == network);
  CHECK(read_file(folder / "m.qnc") == format_model(network));
  for (const IntegerNetwork& graph :
       {testing::small_graph(), testing::small_branches(), testing::small_moves()})
    CHECK(parse_model(format_model(graph), "m.qnc") == graph);
}

TEST_CASE("model_file: numbers are restored exactly") {
  IntegerNetwork network = testing::small_network();
  auto& conv = std::get<Convolution>(network.operations[1].kind);
  conv.bias = {0.1f, -0.0f, 1e-45f, 3.4028235e38f};
  network.values[8].grid->offset = 0.1f;
  network.values[0].grid->scale = {1.1754944e-38f};
  const IntegerNetwork read = parse_model(format_model(network), "m.qnc");
  CHECK(read == network);
  CHECK(std::signbit(std::get<Convolution>(read.operations[1].kind).bias[1]));
}

TEST_CASE("model_file: the file starts with its magic, version, and sizes") {
  const Bytes file = format_model(testing::small_network());
  CHECK(std::memcmp(file.data(), "\x89QNC\r\n\x1a\n\1\0\0\0", 12) == 0);
  std::uint64_t size = 0;
  std::memcpy(&size, file.data() + 16, 8);
  CHECK(size == file.size());
  CHECK(file[24] == std::byte{'{'});
}

TEST_CASE("model_file: the data holds weights at their bits, and 4 bytes per float32") {
  const Bytes file = format_model(testing::small_network());
  std::uint32_t header = 0;
  std::memcpy(&header, file.data() + 12, 4);
  const std::size_t data = file.size() - 24 - header - 4;
  // Scales of 9 values and of 4 + 1 + 1 + 5 weights, biases, and 2 * 4 numbers of a step, twice.
  CHECK(data == 54 + 9 + 6 + 4 + 4 * (9 + 11 + 4 + 5 + 16));
}

TEST_CASE("model_file: any flipped bit is rejected") {
  Bytes file = format_model(testing::small_network());
  std::size_t accepted = 0;
  for (std::size_t bit = 0; bit < 8 * file.size(); ++bit) {
    const auto mask = static_cast<std::byte>(1u << bit % 8);
    file[bit / 8] ^= mask;
    accepted += refused(file) ? 0 : 1;
    file[bit / 8] ^= mask;
  }
  CHECK(accepted == 0);
}

TEST_CASE("model_file: a truncated file, or one with trailing bytes, is rejected") {
  const Bytes file = format_model(testing::small_network());
  std::size_t accepted = 0;
  for (std::size_t size = 0; size < file.size(); ++size) {
    const Bytes front(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(size));
    accepted += refused(front) ? 0 : 1;
  }
  CHECK(accepted == 0);
  Bytes longer = file;
  longer.push_back(std::byte{0});
  CHECK(refused(longer));
}

TEST_CASE("model_file: the error identifies the file") {
  Bytes file = format_model(testing::small_network());
  CHECK(error_of({}) == "m.qnc: not a quench model file");
  file[8] = std::byte{2};
  CHECK(error_of(file) ==
        "m.qnc: expected a model file of version 1, got 2, written by a newer quench");
  file[8] = std::byte{1};
  file[100] ^= std::byte{1};
  CHECK(error_of(file).starts_with("m.qnc: damaged: expected checksum "));
  file.resize(500);
  CHECK(error_of(file).ends_with("bytes, got 500"));
  const TemporaryFolder folder;
  CHECK_THROWS_AS(read_model(folder / "none.qnc"), std::runtime_error);
}

TEST_CASE("model_file: networks that check_network() or JSON rejects are not written") {
  IntegerNetwork network = testing::small_network();
  network.metadata["model"] = "\xff";
  CHECK_THROWS_AS(format_model(network), std::invalid_argument);
  network.metadata["model"] = "small";
  network.values[3].width = 4;
  CHECK_THROWS_AS(format_model(network), std::invalid_argument);
}
