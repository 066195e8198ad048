#include "datasets/cifar.h"

#include <doctest/doctest.h>

#include <fstream>
#include <stdexcept>
#include <string>

#include "datasets/images.h"
#include "temporary_folder.h"

using namespace quench::datasets;
using quench::TemporaryFolder;

namespace {

constexpr std::size_t kRecord = 3073;

void write(const std::filesystem::path& path, const std::vector<std::uint8_t>& bytes) {
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
}

/// Records with the given labels; red counts up, green is the label, blue 200.
std::vector<std::uint8_t> records(const std::vector<std::uint8_t>& labels) {
  std::vector<std::uint8_t> bytes;
  for (const std::uint8_t label : labels) {
    bytes.push_back(label);
    for (std::size_t i = 0; i < 1024; ++i) bytes.push_back(static_cast<std::uint8_t>(i));
    bytes.insert(bytes.end(), 1024, label);
    bytes.insert(bytes.end(), 1024, 200);
  }
  return bytes;
}

void write_all(const std::filesystem::path& folder) {
  for (int i = 1; i <= 5; ++i) {
    const auto label = static_cast<std::uint8_t>(i);
    write(folder / ("data_batch_" + std::to_string(i) + ".bin"), records({label, 9}));
  }
  write(folder / "test_batch.bin", records({0, 3, 6}));
}

std::string message_of(const std::filesystem::path& folder) {
  try {
    load_cifar10(folder);
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "no error";
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("cifar10: files are read in order and planes become H, W, C") {
  const TemporaryFolder folder;
  write_all(folder.path());
  const auto [train, test, left_out] = load_cifar10(folder.path());
  CHECK(train->size() == 10);
  CHECK(test->size() == 3);
  CHECK(train->num_classes() == 10);
  CHECK(train->class_names()[9] == "truck");
  std::vector<std::uint8_t> pixels(3072);
  CHECK(train->read(2, pixels) == 2);
  CHECK(train->read(9, pixels) == 9);
  CHECK(test->read(1, pixels) == 3);
  // Row 1, column 5 is the 37th value of each plane.
  CHECK(pixels[37 * 3] == 37);
  CHECK(pixels[37 * 3 + 1] == 3);
  CHECK(pixels[37 * 3 + 2] == 200);
}

TEST_CASE("cifar10: the archive's own folder is found inside data_dir") {
  const TemporaryFolder folder;
  const auto unpacked = folder.path() / "cifar-10-batches-bin";
  std::filesystem::create_directory(unpacked);
  write_all(unpacked);
  CHECK(load_cifar10(folder.path()).test->size() == 3);
  CHECK(load_cifar10(unpacked).test->size() == 3);
}

TEST_CASE("cifar10: the error for a missing folder or file says where to get it") {
  const TemporaryFolder folder;
  const std::string no_folder = message_of(folder.path() / "nowhere");
  CHECK(contains(no_folder, "nowhere"));
  CHECK(contains(no_folder, "pass --data-dir or run examples/get_cifar10.sh"));

  write_all(folder.path());
  std::filesystem::remove(folder.path() / "data_batch_4.bin");
  const std::string no_file = message_of(folder.path());
  CHECK(contains(no_file, "data_batch_4.bin"));
  CHECK(contains(no_file, "run examples/get_cifar10.sh"));
}

TEST_CASE("cifar10: the error for an empty or truncated file names the record") {
  const TemporaryFolder folder;
  write_all(folder.path());
  write(folder.path() / "test_batch.bin", {});
  CHECK(contains(message_of(folder.path()),
                 "test_batch.bin: expected one or more records of 3073 bytes, got 0 bytes"));

  std::vector<std::uint8_t> bytes = records({1, 2, 3});
  bytes.resize(2 * kRecord + 100);
  write(folder.path() / "test_batch.bin", bytes);
  CHECK(contains(message_of(folder.path()), "got 6246 bytes (record 2 has 100)"));
}

TEST_CASE("cifar10: a label above 9 names file and record") {
  const TemporaryFolder folder;
  write_all(folder.path());
  write(folder.path() / "data_batch_2.bin", records({0, 9, 10}));
  CHECK(contains(message_of(folder.path()),
                 "data_batch_2.bin: record 2: expected a label in 0..9, got 10"));
}

TEST_CASE("cifar100: the fine label counts, and names are read from their file") {
  const TemporaryFolder folder;
  const auto fine = [](std::uint8_t coarse, std::uint8_t label) {
    std::vector<std::uint8_t> record = records({label});
    record.insert(record.begin(), coarse);
    return record;
  };
  write(folder / "train.bin", fine(3, 99));
  write(folder / "test.bin", fine(19, 42));
  const DatasetPair unnamed = load_cifar100(folder.path());
  std::vector<std::uint8_t> pixels(3072);
  CHECK(unnamed.train->read(0, pixels) == 99);
  CHECK(unnamed.test->read(0, pixels) == 42);
  CHECK(pixels[37 * 3] == 37);
  CHECK(pixels[37 * 3 + 1] == 42);
  CHECK(unnamed.test->num_classes() == 100);
  CHECK(unnamed.test->class_names()[42] == "class 42");

  std::ofstream names(folder / "fine_label_names.txt");
  for (int i = 0; i < 100; ++i) names << "name" << i << '\n';
  names.close();
  CHECK(load_cifar100(folder.path()).test->class_names()[42] == "name42");
}

TEST_CASE("cifar100: a file of CIFAR-10, and a label above 99, are named") {
  const TemporaryFolder folder;
  const auto message = [&folder](const std::vector<std::uint8_t>& train) -> std::string {
    write(folder / "train.bin", train);
    try {
      load_cifar100(folder.path());
    } catch (const std::runtime_error& error) {
      return error.what();
    }
    return "no error";
  };
  CHECK(contains(message(records({1})), "expected one or more records of 3074 bytes, got 3073"));
  std::vector<std::uint8_t> record = records({100});
  record.insert(record.begin(), 0);
  CHECK(contains(message(record), "train.bin: record 0: expected a label in 0..99, got 100"));
}
