#include "core/safetensors.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cmath>
#include <cstring>
#include <fstream>
#include <random>
#include <stdexcept>
#include <string>

#include "support/file.h"
#include "temporary_folder.h"

using namespace quench;

namespace {

std::string text_of(const std::filesystem::path& path) {
  const std::vector<std::byte> bytes = read_file(path);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// A file as any writer could have made it.
std::string file_of(const std::string& header, std::size_t data_bytes) {
  const std::uint64_t length = header.size();
  std::string file(8, '\0');
  std::memcpy(file.data(), &length, 8);
  return file + header + std::string(data_bytes, '\1');
}

std::string error_for(const TemporaryFolder& folder, const std::string& contents) {
  const auto path = folder / "x";
  std::ofstream(path, std::ios::binary) << contents;  // thousands of synced writes would take long
  try {
    read_safetensors(path);
  } catch (const std::runtime_error& error) {
    const std::string message = error.what();
    const std::string prefix = path.string() + ": ";
    REQUIRE(message.starts_with(prefix));
    return message.substr(prefix.size());
  }
  return "no error";
}

std::vector<float> counting(std::size_t count) {
  std::vector<float> values(count);
  for (std::size_t i = 0; i < count; ++i) values[i] = static_cast<float>(i);
  return values;
}

TensorFile small_file() {
  TensorFile file;
  file.tensors["weight"] = Tensor::from_row_major<float>({2, 3}, counting(6));
  file.tensors["mask"] =
      Tensor::from_row_major<std::uint8_t>({3}, std::vector<std::uint8_t>{0, 1, 255});
  file.metadata["epoch"] = "3";
  return file;
}

bool same(const TensorFile& a, const TensorFile& b) {
  if (a.tensors.size() != b.tensors.size()) return false;
  for (const auto& [name, tensor] : a.tensors) {
    const auto other = b.tensors.find(name);
    if (other == b.tensors.end() || other->second.shape() != tensor.shape() ||
        other->second.dtype() != tensor.dtype() ||
        std::memcmp(other->second.bytes_begin(), tensor.bytes_begin(), tensor.bytes()) != 0) {
      return false;
    }
  }
  return true;
}

}  // namespace

TEST_CASE("safetensors: every type and rank survives a round trip") {
  const TemporaryFolder folder;
  TensorFile file = small_file();
  file.tensors["scalar"] = Tensor::scalar(0.5f);
  file.tensors["empty"] = Tensor({0, 4});
  file.tensors["double"] = Tensor::from_row_major<double>({2}, std::vector<double>{1e300, -0.0});
  file.tensors["codes"] =
      Tensor::from_row_major<std::int8_t>({2}, std::vector<std::int8_t>{-128, 127});
  file.tensors["sums"] = Tensor::from_row_major<std::int32_t>({1}, std::vector<std::int32_t>{-7});
  file.tensors["conv"] = Tensor::from_row_major<float>({2, 3, 2, 2}, counting(24));
  file.metadata["name with \"quotes\" and \n"] = "\xc3\xa4";
  write_safetensors(folder / "a", file);
  const TensorFile read = read_safetensors(folder / "a");
  CHECK(same(file, read));
  CHECK(read.metadata == file.metadata);
}

TEST_CASE("safetensors: values lie row-major in the file and channels-last in memory") {
  const TemporaryFolder folder;
  TensorFile file;
  file.tensors["conv"] = Tensor::from_row_major<float>({1, 2, 1, 2}, counting(4));
  CHECK(file.tensors["conv"].data()[1] == 2.0f);  // the second channel of the first pixel
  write_safetensors(folder / "a", file);
  const std::string bytes = text_of(folder / "a");
  CHECK(std::memcmp(bytes.data() + bytes.size() - 16, counting(4).data(), 16) == 0);
  CHECK(read_safetensors(folder / "a").tensors["conv"].to_row_major() == counting(4));
}

TEST_CASE("safetensors: accepts a padded header in any order, without metadata") {
  const TemporaryFolder folder;
  const std::string header = R"({"b":{"dtype":"U8","shape":[3],"data_offsets":[4,7]},)"
                             R"("a":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}      )";
  write_file_atomically(folder / "a", file_of(header, 7));
  const TensorFile file = read_safetensors(folder / "a");
  CHECK(file.tensors.at("b").to_row_major<std::uint8_t>() == std::vector<std::uint8_t>{1, 1, 1});
  CHECK(file.tensors.at("a").rank() == 0);
}

TEST_CASE("safetensors: skipped tensors may be of any type, but must have valid offsets") {
  const TemporaryFolder folder;
  const std::string header = R"({"a":{"dtype":"I64","shape":[],"data_offsets":[0,8]},)"
                             R"("b":{"dtype":"U8","shape":[3],"data_offsets":[8,11]}})";
  const auto wanted = [](const std::string& name) { return name == "b"; };
  write_file_atomically(folder / "a", file_of(header, 11));
  const TensorFile file = read_safetensors(folder / "a", wanted);
  CHECK(file.tensors.size() == 1);
  CHECK(file.tensors.at("b").numel() == 3);
  write_file_atomically(folder / "a", file_of(header, 12));
  CHECK_THROWS_AS(read_safetensors(folder / "a", wanted), std::runtime_error);
}

TEST_CASE("safetensors: 16-bit floats become float32 of the same value") {
  const TemporaryFolder folder;
  const auto values = [&](const std::string& type, const std::vector<std::uint16_t>& bits) {
    const std::string header =
        fmt::format(R"({{"t":{{"dtype":"{}","shape":[{}],"data_offsets":[0,{}]}}}})", type,
                    bits.size(), 2 * bits.size());
    std::string file = file_of(header, 0);
    file.append(reinterpret_cast<const char*>(bits.data()), 2 * bits.size());
    write_file_atomically(folder / "a", file);
    return read_safetensors(folder / "a").tensors.at("t").to_row_major();
  };
  // IEEE 754: 1, -2, the largest, the smallest normal and subnormal, infinity.
  CHECK(values("F16", {0x3c00, 0xc000, 0x7bff, 0x0400, 0x0001, 0x7c00}) ==
        std::vector<float>{1.0f, -2.0f, 65504.0f, 0x1p-14f, 0x1p-24f, INFINITY});
  CHECK(values("BF16", {0x3f80, 0xc000, 0x4049, 0x0001}) ==
        std::vector<float>{1.0f, -2.0f, 3.140625f, 0x1p-133f});
}

TEST_CASE("safetensors: a wrong header is named") {
  const TemporaryFolder folder;
  const auto one = [](const std::string& entry) { return file_of("{\"t\":" + entry + "}", 8); };
  const auto error = [&](const std::string& contents) { return error_for(folder, contents); };
  CHECK(error("") == "expected at least 8 bytes, got 0");
  CHECK(error(file_of("{}", 0).substr(0, 9)) ==
        "expected a header of at most 1 bytes, got 2 (file of 9 bytes)");
  CHECK(error(std::string(64, '\xff')) ==
        "expected a header of at most 56 bytes, got 18446744073709551615 (file of 64 bytes)");
  CHECK(error(file_of("[]", 0)) == "expected a header that is a JSON object");
  CHECK(error(file_of("{", 0)).starts_with("header is not valid JSON"));
  CHECK(error(file_of("{\"a\":[[[[[", 0)) == "header is nested too deeply");
  CHECK(error(file_of(R"({"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"a":{}})", 0)) ==
        "header contains the key 'a' twice");
  CHECK(error(one("1")) == "tensor 't': expected an object, got 1");
  CHECK(error(one(R"({"dtype":"F32","shape":[2]})")) == "tensor 't': 'data_offsets' is missing");
  CHECK(error(one(R"({"dtype":"F8_E4M3","shape":[8],"data_offsets":[0,8]})")) ==
        "tensor 't': expected a dtype of F32, F64, I32, I8, U8, F16, BF16, got \"F8_E4M3\"");
  CHECK(error(one(R"({"dtype":"F32","shape":[-2],"data_offsets":[0,8]})")) ==
        "tensor 't': shape: expected integers in 0..281474976710655, got -2");
  CHECK(error(one(R"({"dtype":"F32","shape":[2.0],"data_offsets":[0,8]})")) ==
        "tensor 't': shape: expected integers in 0..281474976710655, got 2.0");
  CHECK(error(one(
            R"({"dtype":"U8","shape":[281474976710655,281474976710655],"data_offsets":[0,8]})")) ==
        "tensor 't': more than 281474976710656 elements");
  CHECK(error(one(R"({"dtype":"U8","shape":[1,1,1,1,8],"data_offsets":[0,8]})")) ==
        "tensor 't': expected at most 4 axes, got 5");
  CHECK(error(one(R"({"dtype":"F32","shape":[3],"data_offsets":[0,8]})")) ==
        "tensor 't': expected 12 bytes for \"F32\" [3], got 8");
  CHECK(error(one(R"({"dtype":"F32","shape":[2],"data_offsets":[1,9]})")) ==
        "tensor 't': data_offsets: expected integers in 0..8, got 9");
  CHECK(error(one(R"({"dtype":"F32","shape":[2],"data_offsets":[8,0]})")) ==
        "tensor 't': expected data_offsets [begin, end], got [8,0]");
  CHECK(error(one(R"({"dtype":"F32","shape":[1],"data_offsets":[4,8]})")) ==
        "tensor 't': expected to start at byte 0 of the data, got 4");
  CHECK(error(one(R"({"dtype":"F32","shape":[1],"data_offsets":[0,4]})")) ==
        "expected 4 bytes of data, got 8");
  CHECK(error(file_of(R"({"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]},)"
                      R"("b":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}})",
                      4)) == "tensor 'b': expected to start at byte 3 of the data, got 2");
  CHECK(error(file_of(R"({"__metadata__":{"a":1}})", 0)) ==
        "metadata 'a': expected a string, got 1");
}

TEST_CASE("safetensors: a file truncated at any length is an error") {
  const TemporaryFolder folder;
  write_safetensors(folder / "a", small_file());
  const std::string whole = text_of(folder / "a");
  for (std::size_t length = 0; length < whole.size(); ++length) {
    CAPTURE(length);
    CHECK(error_for(folder, whole.substr(0, length)) != "no error");
  }
  CHECK(error_for(folder, whole + "x") != "no error");
}

TEST_CASE("safetensors: any flipped bit is an error or leaves the tensors as they were") {
  const TemporaryFolder folder;
  const TensorFile file = small_file();
  write_safetensors(folder / "a", file);
  const std::string whole = text_of(folder / "a");
  int unnoticed = 0;
  for (std::size_t bit = 0; bit < 8 * whole.size(); ++bit) {
    CAPTURE(bit);
    std::string damaged = whole;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
    if (error_for(folder, damaged) != "no error") continue;
    ++unnoticed;
    CHECK(same(file, read_safetensors(folder / "x")));
  }
  // Only the checksum's own name, and spaces that become other white space, may go unnoticed.
  CHECK(unnoticed <= 8 * 16 + 8);
}

TEST_CASE("safetensors: garbage is an error") {
  const TemporaryFolder folder;
  std::mt19937 random(1);
  for (int round = 0; round < 300; ++round) {
    std::string garbage(random() % 200, '\0');
    for (char& c : garbage) c = static_cast<char>(random());
    CHECK(error_for(folder, garbage) != "no error");
    // The same with a length that fits, so that the JSON parser sees it.
    CHECK(error_for(folder, file_of("{" + garbage, 4)) != "no error");
  }
}

TEST_CASE("safetensors: invalid tensors are rejected before the file is touched") {
  const TemporaryFolder folder;
  TensorFile file;
  file.tensors["x"] = Tensor();
  CHECK_THROWS_WITH_AS(write_safetensors(folder / "a", file),
                       "write_safetensors: tensor 'x' is undefined", std::invalid_argument);
  file = small_file();
  file.metadata["bad"] = "\xff";
  CHECK_THROWS_AS(write_safetensors(folder / "a", file), std::invalid_argument);
  CHECK_FALSE(std::filesystem::exists(folder / "a"));
}
