#include <doctest/doctest.h>

#include <array>
#include <cstring>
#include <random>

#include "deploy/network/model_file.h"
#include "deploy/small_network.h"
#include "support/crc32.h"

// Files with a valid checksum that no writer produces.

using namespace quench;
using namespace quench::deploy;

namespace {

using Bytes = std::vector<std::byte>;
constexpr std::size_t kPreamble = 24;

struct Parts {
  std::string header;
  Bytes data;
};

std::uint32_t header_size(const Bytes& file) {
  std::uint32_t size = 0;
  std::memcpy(&size, file.data() + 12, 4);
  return size;
}

Parts take_apart(const Bytes& file) {
  const auto* text = reinterpret_cast<const char*>(file.data()) + kPreamble;
  const std::uint32_t size = header_size(file);
  return {std::string(text, size),
          Bytes(file.begin() + kPreamble + static_cast<std::ptrdiff_t>(size), file.end() - 4)};
}

void append(Bytes& bytes, const void* more, std::size_t size) {
  const auto* begin = static_cast<const std::byte*>(more);
  bytes.insert(bytes.end(), begin, begin + size);
}

Bytes put_together(const Parts& parts, std::uint32_t header_bytes) {
  Bytes file;
  const std::uint32_t version = 1;
  const std::uint64_t size = kPreamble + parts.header.size() + parts.data.size() + 4;
  append(file, "\x89QNC\r\n\x1a\n", 8);
  append(file, &version, 4);
  append(file, &header_bytes, 4);
  append(file, &size, 8);
  append(file, parts.header.data(), parts.header.size());
  append(file, parts.data.data(), parts.data.size());
  const std::uint32_t checksum = crc32(file);
  append(file, &checksum, 4);
  return file;
}

Bytes put_together(const Parts& parts) {
  return put_together(parts, static_cast<std::uint32_t>(parts.header.size()));
}

std::string error_of(const Bytes& file) {
  try {
    check_network(parse_model(file, "m.qnc"));
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "no error";
}

/// The reader's error for the small network's file with `text` of its header replaced.
std::string error_with(const std::string& text, const std::string& other,
                       const IntegerNetwork& network = testing::small_network()) {
  Parts parts = take_apart(format_model(network));
  const std::size_t at = parts.header.find(text);
  REQUIRE(at != std::string::npos);
  parts.header.replace(at, text.size(), other);
  return error_of(put_together(parts));
}

/// The position of a value or key in a header.
struct Span {
  std::size_t begin = 0, size = 0;
};

std::size_t end_of_string(const std::string& text, std::size_t at) {
  for (++at; text[at] != '"'; ++at) at += text[at] == '\\' ? 1 : 0;
  return at + 1;
}

/// Every string, number, list and object of a JSON text.
std::vector<Span> spans_of(const std::string& text) {
  std::vector<Span> spans;
  std::vector<std::size_t> open;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t begin = at++;
    const char first = text[begin];
    if (first == '{' || first == '[') {
      open.push_back(begin);
    } else if (first == '}' || first == ']') {
      spans.push_back({open.back(), at - open.back()});
      open.pop_back();
    } else if (first == '"') {
      at = end_of_string(text, begin);
      spans.push_back({begin, at - begin});
    } else if (first != ',' && first != ':') {
      at = text.find_first_of(",]}", at);
      spans.push_back({begin, at - begin});
    }
  }
  return spans;
}

/// Values that tend to break readers.
constexpr std::array kHostile{"null",
                              "true",
                              "\"\"",
                              "\"\xff\"",
                              "\"zero_pad\"",
                              "\"concatenation\"",
                              "\"lookup\"",
                              "\"relu6\"",
                              "[]",
                              "{}",
                              "[0,0]",
                              "[[[[[[[[[[]]]]]]]]]]",
                              "{\"\":{}}",
                              "0",
                              "1",
                              "-1",
                              "2",
                              "3",
                              "4",
                              "7",
                              "8",
                              "9",
                              "255",
                              "256",
                              "65536",
                              "1048576",
                              "1048577",
                              "2147483647",
                              "-2147483648",
                              "2147483648",
                              "4294967296",
                              "9007199254740993",
                              "9223372036854775807",
                              "-9223372036854775808",
                              "18446744073709551615",
                              "18446744073709551616",
                              "1e308",
                              "-1e-320",
                              "1e39",
                              "0.5",
                              "1e999"};

/// Replaces a value by another one, none or two.
void mutate_header(std::string& header, std::mt19937& random) {
  const std::vector<Span> spans = spans_of(header);
  const Span span = spans[random() % spans.size()], other = spans[random() % spans.size()];
  const std::string value = header.substr(span.begin, span.size);
  const std::string another = header.substr(other.begin, other.size);
  switch (random() % 6) {
    case 0:
      header.replace(span.begin, span.size + 1, "");  // with its separator
      break;
    case 1:
      header.replace(span.begin, span.size, value + "," + value);
      break;
    case 2:
      header.replace(span.begin, span.size, another);
      break;
    default:
      header.replace(span.begin, span.size, kHostile[random() % kHostile.size()]);
  }
}

void mutate_bytes(Parts& parts, std::mt19937& random) {
  const bool in_header = random() % 2 == 0 && !parts.header.empty();
  if (in_header) {
    parts.header[random() % parts.header.size()] = static_cast<char>(random());
  } else if (!parts.data.empty()) {
    parts.data[random() % parts.data.size()] = static_cast<std::byte>(random());
  }
  if (random() % 4 == 0) parts.data.resize(random() % (parts.data.size() + 9));
}

}  // namespace

TEST_CASE("model_file: the errors of a file that something else wrote") {
  CHECK(error_with(R"("groups":2)", R"("groups":3)") ==
        "m.qnc: integer network: operation 2 'binary': conv2d: expected in_channels divisible by "
        "groups, got 4 and 3 (input [1, 4, 3, 3])");
  CHECK(error_with(R"("groups":2)", R"("groups":"two")") ==
        "m.qnc: operations[2].settings.params.groups: expected a 32-bit integer, got \"two\"");
  CHECK(error_with(R"("groups":2)", R"("groups":2147483648)") ==
        "m.qnc: operations[2].settings.params.groups: expected a 32-bit integer, got "
        "2147483648");
  CHECK(error_with(R"("groups":2)", R"("group":2)") ==
        "m.qnc: operations[2].settings.params: 'groups' is missing");
  CHECK(error_with(R"("groups":2)", R"("groups":2,"bits":1)") ==
        "m.qnc: operations[2].settings.params: expected 4 fields, got 5");
  CHECK(error_with(R"("groups":2)", R"("groups":2,"groups":2)") ==
        "m.qnc: header contains the key 'groups' twice");
  CHECK(error_with(R"("groups":2)", R"("groups":[[[[[]]]]])") ==
        "m.qnc: header is nested too deeply");
  CHECK(error_with(R"("kind":"max_pool")", R"("kind":"min_pool")") ==
        "m.qnc: operations[3].kind: expected a kind of operation, got \"min_pool\"");
  CHECK(error_with(R"("activation":"relu6")", R"("activation":"relu7")")
            .starts_with("m.qnc: operations[1].outputs[0].steps[1].activation: "));
  CHECK(error_with(R"("weight":108)", R"("weight":18446744073709551615)")
            .starts_with("m.qnc: operations[1].settings.weight: expected at most the "));
  CHECK(error_with(R"("bias":4)", R"("bias":4611686018427387905)")
            .starts_with("m.qnc: operations[1].settings.bias: expected at most the "));
  CHECK(error_with(R"("offset":0.375)", R"("offset":1e39)") ==
        "m.qnc: values[8].grid.offset: expected a 32-bit float, got 1e+39");
  CHECK(error_with("{", "[").starts_with("m.qnc: header is not valid JSON: "));
}

TEST_CASE("model_file: fields of new operations") {
  const auto error = [](const std::string& text, const std::string& other) {
    return error_with(text, other, testing::small_graph());
  };
  CHECK(error(R"("table":32)", R"("table":33)").starts_with("m.qnc: "));
  CHECK(error(R"("table":32)", R"("table":4611686018427387905)")
            .starts_with("m.qnc: operations[1].settings.table: expected at most the "));
  CHECK(error(R"("smallest":[0,1)", R"("smallest":[0,256)") ==
        "m.qnc: operations[6].settings.smallest: expected an integer, got 256");
  CHECK(error(R"("smallest":[0,1)", R"("smallest":[0,2)") ==
        "m.qnc: integer network: operation 6 'pool': expected marks of 0 or 1, got 2");
  CHECK(error(R"("smallest":[)", R"("largest":[)") ==
        "m.qnc: operations[6].settings: expected 1 fields, got 2");
  CHECK(error(R"("image":{)", R"("image":null,"extra":{)") ==
        "m.qnc: operations[7].settings.image: expected an object, got null");
}

TEST_CASE("model_file: fields of branches of channels") {
  const auto error = [](const std::string& text, const std::string& other) {
    return error_with(text, other, testing::small_branches());
  };
  CHECK(error(R"("subtracts":true)", R"("subtracts":1)") ==
        "m.qnc: operations[4].settings.subtracts: expected true or false, got 1");
  CHECK(error(R"("factor":[2,3])", R"("factor":[2,3,1])") ==
        "m.qnc: operations[7].settings.factor: expected a list of two, got a list");
  CHECK(error(R"("channels":[3,2])", R"("channels":[3,9])") ==
        "m.qnc: integer network: operation 3 'others': expected channels in 0..3, got 9");
}

TEST_CASE("model_file: padding of channels under its older name") {
  IntegerNetwork network = testing::small_network();
  Parts parts = take_apart(format_model(network));
  const std::string kind = R"("kind":"zero_pad")";
  const std::size_t at = parts.header.find(kind);
  REQUIRE(at != std::string::npos);
  parts.header.replace(at, kind.size(), R"("kind":"pad_channels")");
  CHECK(parse_model(put_together(parts), "m.qnc") == network);
}

TEST_CASE("model_file: data that belongs to nothing, and a header beyond the file") {
  Parts parts = take_apart(format_model(testing::small_network()));
  parts.data.push_back(std::byte{0});
  CHECK(error_of(put_together(parts)) == "m.qnc: 1 bytes of data belong to no field");
  CHECK(error_of(put_together(parts, 0xffffffffu))
            .starts_with("m.qnc: expected a header of at most "));
  CHECK(error_of(put_together({})).starts_with("m.qnc: header is not valid JSON: "));
}

TEST_CASE("model_file: thousands of hostile headers") {
  std::mt19937 random(5);
  for (const IntegerNetwork& network : {testing::small_network(), testing::small_graph(),
                                        testing::small_branches(), testing::small_moves()}) {
    const Parts parts = take_apart(format_model(network));
    std::size_t failures = 0, accepted = 0;
    for (int i = 0; i < 3000; ++i) {
      Parts changed = parts;
      mutate_header(changed.header, random);
      const std::string error = error_of(put_together(changed));
      accepted += error == "no error" ? 1 : 0;
      failures += error == "no error" || error.starts_with("m.qnc: ") ? 0 : 1;
    }
    CHECK(failures == 0);
    CHECK(accepted > 0);
    CHECK(accepted < 300);  // other names, and harmless numbers
  }
}

TEST_CASE("model_file: thousands of files with other bytes") {
  std::mt19937 random(6);
  std::size_t failures = 0;
  for (const IntegerNetwork& network : {testing::small_network(), testing::small_graph(),
                                        testing::small_branches(), testing::small_moves()}) {
    const Parts parts = take_apart(format_model(network));
    for (int i = 0; i < 2500; ++i) {
      Parts changed = parts;
      for (auto left = 1 + random() % 3; left > 0; --left) mutate_bytes(changed, random);
      const auto size = static_cast<std::uint32_t>(changed.header.size());
      const auto shift = static_cast<std::uint32_t>(random() % 8 == 0 ? random() % 16 : 0);
      const std::string error = error_of(put_together(changed, size + shift));
      failures += error == "no error" || error.starts_with("m.qnc: ") ? 0 : 1;
    }
  }
  CHECK(failures == 0);
}
