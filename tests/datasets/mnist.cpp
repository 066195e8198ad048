#include "datasets/mnist.h"

#include <doctest/doctest.h>

#include <stdexcept>
#include <string>

#include "datasets/image_files.h"
#include "temporary_folder.h"

using namespace quench::datasets;
using quench::TemporaryFolder;

namespace {

using Bytes = std::vector<std::uint8_t>;

Bytes idx(int magic, const std::vector<int>& sizes, const Bytes& values) {
  Bytes file;
  const auto put = [&file](int value) {
    for (int shift = 24; shift >= 0; shift -= 8)
      file.push_back(static_cast<std::uint8_t>(value >> shift));
  };
  put(magic);
  for (const int size : sizes) put(size);
  file.insert(file.end(), values.begin(), values.end());
  return file;
}

/// Pixel p of image i is the byte i + p.
Bytes images(int count, int side = 28) {
  Bytes values;
  for (int i = 0; i < count; ++i) {
    for (int p = 0; p < side * side; ++p) values.push_back(static_cast<std::uint8_t>(i + p));
  }
  return idx(0x803, {count, side, side}, values);
}

Bytes labels(const Bytes& values) { return idx(0x801, {static_cast<int>(values.size())}, values); }

void write_all(const std::filesystem::path& folder) {
  write_bytes(folder / "train-images-idx3-ubyte", images(3));
  write_bytes(folder / "train-labels-idx1-ubyte", labels({7, 8, 9}));
  write_bytes(folder / "t10k-images-idx3-ubyte", images(2));
  write_bytes(folder / "t10k-labels-idx1-ubyte", labels({0, 1}));
}

std::string error_of(const std::filesystem::path& folder) {
  try {
    load_mnist(folder);
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace

TEST_CASE("mnist: images and labels in order, one channel") {
  const TemporaryFolder folder;
  write_all(folder.path());
  const DatasetPair pair = load_mnist(folder.path());
  CHECK(pair.train->size() == 3);
  CHECK(pair.test->size() == 2);
  CHECK(pair.train->image_shape() == ImageShape{1, 28, 28});
  Bytes pixels(28 * 28);
  CHECK(pair.train->read(2, pixels) == 9);
  CHECK(pixels[0] == 2);
  CHECK(pixels[100] == 102);
  CHECK(pair.train->class_names()[9] == "9");
}

TEST_CASE("mnist: Fashion-MNIST has the same files, other names, and its own folder") {
  const TemporaryFolder folder;
  write_all(folder / "fashion-mnist");
  CHECK(load_fashion_mnist(folder.path()).test->class_names()[9] == "ankle boot");
}

TEST_CASE("mnist: missing, packed and damaged files are named") {
  const TemporaryFolder folder;
  write_all(folder.path());
  const std::filesystem::path file = folder / "train-images-idx3-ubyte";
  const std::string prefix = "mnist: " + file.string() + ": ";
  const auto error_with = [&](const Bytes& bytes) {
    write_bytes(file, bytes);
    return error_of(folder.path());
  };
  CHECK(error_with(labels({1})) ==
        prefix + "expected an IDX file with the magic number 0x803, got 0x801");
  CHECK(error_with({}) == prefix + "expected an IDX file with the magic number 0x803, got 0x0");
  CHECK(error_with(images(3, 32)) == prefix + "expected images of 28 x 28, got 32 x 32");
  Bytes cut = images(3);
  cut.pop_back();
  CHECK(error_with(cut) ==
        prefix + "expected 2368 bytes for 3 entries, got 2367; the download may be incomplete");
  CHECK(error_with(images(4)) == "mnist: expected as many labels in " +
                                     (folder / "train-labels-idx1-ubyte").string() +
                                     " as images, got 3 and 4");
  write_bytes(file, images(3));
  write_bytes(folder / "train-labels-idx1-ubyte", labels({1, 2, 10}));
  CHECK(error_of(folder.path()) == "mnist: " + (folder / "train-labels-idx1-ubyte").string() +
                                       ": entry 2: expected a label in 0..9, got 10");
  std::filesystem::remove(file);
  CHECK(error_of(folder.path()) == "mnist: " + file.string() + " does not exist; pass --data-dir");
  write_bytes(folder / "train-images-idx3-ubyte.gz", {});
  CHECK(error_of(folder.path()) == "mnist: expected " + file.string() +
                                       ", found only train-images-idx3-ubyte.gz: unpack it with "
                                       "gunzip");
}
