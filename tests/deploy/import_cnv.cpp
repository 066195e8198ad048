#include "deploy/import_cnv.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/random.h"
#include "deploy/engine/engine.h"

using namespace quench;
using namespace quench::deploy;

namespace {

struct Layer {
  const char* name;
  std::int64_t inputs, outputs;
  bool conv;
};

/// CNV with fewer channels.
constexpr std::array kLayers{
    Layer{"conv1", 3, 4, true}, Layer{"conv2", 4, 5, true}, Layer{"conv3", 5, 3, true},
    Layer{"conv4", 3, 6, true}, Layer{"conv5", 6, 7, true}, Layer{"conv6", 7, 8, true},
    Layer{"fc1", 8, 9, false},  Layer{"fc2", 9, 11, false}, Layer{"fc3", 11, 10, false}};

std::string weight_name(const Layer& layer) { return std::string(layer.name) + ".weight"; }
std::string threshold_name(const Layer& layer) { return std::string(layer.name) + ".threshold"; }

/// Random signs, and thresholds that many sums equal.
TensorFile random_file() {
  Random random(5, "cnv");
  TensorFile file;
  for (const Layer& layer : kLayers) {
    Tensor weight(
        layer.conv ? Shape{layer.outputs, layer.inputs, 3, 3} : Shape{layer.outputs, layer.inputs},
        DType::s8);
    for (std::int8_t& w : weight.span<std::int8_t>()) w = random.below(2) == 0 ? -1 : 1;
    file.tensors[weight_name(layer)] = weight;
    if (&layer == &kLayers.back()) continue;
    Tensor threshold({layer.outputs});
    const bool first = &layer == &kLayers.front();
    for (float& t : threshold.span()) {
      t = static_cast<float>(random.below(9)) - 4.0f;
      if (first) t /= 256.0f;
    }
    file.tensors[threshold_name(layer)] = threshold;
  }
  return file;
}

/// An image [H][W][C] in double precision.
struct Image {
  std::int64_t size, channels;
  std::vector<double> values;

  double& at(std::int64_t y, std::int64_t x, std::int64_t c) {
    return values[static_cast<std::size_t>((y * size + x) * channels + c)];
  }
};

Image make_image(std::int64_t size, std::int64_t channels) {
  return {size, channels, std::vector<double>(static_cast<std::size_t>(size * size * channels))};
}

/// x = 2 RGB / 255 - 1, rounded down to multiples of 1/128, at most 127/128: in integers.
double input_of(int pixel) {
  const int scaled = 128 * (2 * pixel - 255);
  const int down = scaled >= 0 ? scaled / 255 : -((-scaled + 254) / 255);
  return std::min(down, 127) / 128.0;
}

Image convolve(Image& input, const Layer& layer, TensorFile& file) {
  const int kernel = layer.conv ? 3 : 1;
  Image output = make_image(input.size - kernel + 1, layer.outputs);
  const std::int8_t* weight = file.tensors[weight_name(layer)].data<std::int8_t>();
  for (std::int64_t y = 0; y < output.size; ++y) {
    for (std::int64_t x = 0; x < output.size; ++x) {
      for (std::int64_t o = 0; o < layer.outputs; ++o) {
        double sum = 0.0;
        // [O, KH, KW, I] in memory
        const std::int8_t* w = weight + o * kernel * kernel * layer.inputs;
        for (int ky = 0; ky < kernel; ++ky) {
          for (int kx = 0; kx < kernel; ++kx) {
            for (std::int64_t c = 0; c < layer.inputs; ++c)
              sum += *w++ * input.at(y + ky, x + kx, c);
          }
        }
        output.at(y, x, o) = sum;
      }
    }
  }
  return output;
}

void compare_with_thresholds(Image& image, const Tensor& thresholds) {
  for (std::size_t i = 0; i < image.values.size(); ++i) {
    const auto c = static_cast<std::int64_t>(i) % image.channels;
    image.values[i] = image.values[i] > thresholds.data()[c] ? 1.0 : -1.0;
  }
}

Image max_pool(Image& input) {
  Image output = make_image(input.size / 2, input.channels);
  for (std::int64_t y = 0; y < output.size; ++y) {
    for (std::int64_t x = 0; x < output.size; ++x) {
      for (std::int64_t c = 0; c < input.channels; ++c)
        output.at(y, x, c) =
            std::max({input.at(2 * y, 2 * x, c), input.at(2 * y + 1, 2 * x, c),
                      input.at(2 * y, 2 * x + 1, c), input.at(2 * y + 1, 2 * x + 1, c)});
    }
  }
  return output;
}

std::vector<double> expected_logits(TensorFile& file, const std::vector<int>& pixels) {
  Image image = make_image(32, 3);
  std::ranges::transform(pixels, image.values.begin(), input_of);
  for (const Layer& layer : kLayers) {
    image = convolve(image, layer, file);
    if (&layer == &kLayers.back()) break;
    compare_with_thresholds(image, file.tensors[threshold_name(layer)]);
    const std::string name = layer.name;
    if (name == "conv2" || name == "conv4") image = max_pool(image);
  }
  return image.values;
}

/// As datasets::normalization("tf") has it.
float normalized(int pixel) { return (static_cast<float>(pixel) - 127.5f) / 127.5f; }

Tensor image_of(const std::vector<int>& pixels) {
  Tensor image({1, 3, 32, 32});
  std::ranges::transform(pixels, image.data(), normalized);
  return image;
}

std::vector<int> random_pixels(std::uint64_t seed) {
  Random random(seed, "pixels");
  std::vector<int> pixels(3 * 32 * 32);
  for (int& pixel : pixels) pixel = static_cast<int>(random.below(256));
  return pixels;
}

}  // namespace

TEST_CASE("import_cnv: every pixel value becomes the multiple of 1/128 below it") {
  std::vector<int> pixels(3 * 32 * 32);
  for (std::size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<int>(i % 256);
  const IntegerNetwork network = import_cnv(random_file());
  const Values values = interpret(network, image_of(pixels));
  for (std::size_t i = 0; i < 256; ++i) {
    CAPTURE(i);
    CHECK((values[0].data<std::uint8_t>()[i] - 128) / 128.0 == input_of(static_cast<int>(i)));
  }
}

TEST_CASE("import_cnv: sums above their thresholds are +1, sums equal to them are not") {
  TensorFile file = random_file();
  Engine engine(import_cnv(file));
  for (const std::uint64_t seed : {1, 2, 3}) {
    const std::vector<int> pixels = random_pixels(seed);
    const Tensor image = image_of(pixels);
    const std::vector<double> expected = expected_logits(file, pixels);
    const Tensor interpreted = logits_of(engine.network(), interpret(engine.network(), image));
    const Tensor logits = engine(image);
    for (std::size_t i = 0; i < expected.size(); ++i) {
      CHECK(static_cast<double>(interpreted.data()[i]) == expected[i]);
      CHECK(static_cast<double>(logits.data()[i]) == expected[i]);
    }
  }
}

TEST_CASE("import_cnv: the message names the invalid tensor") {
  TensorFile file = random_file();
  file.tensors.erase("fc2.threshold");
  CHECK_THROWS_WITH_AS(import_cnv(file), "cnv: expected a tensor fc2.threshold, got none",
                       std::runtime_error);

  file = random_file();
  file.tensors["conv2.weight"] = Tensor({5, 3, 3, 3}, DType::s8);
  CHECK_THROWS_WITH_AS(import_cnv(file),
                       "cnv: conv2.weight: expected s8 [0, 4, 3, 3] (0: any), got s8 [5, 3, 3, 3]",
                       std::runtime_error);

  file = random_file();
  file.tensors["fc1.weight"].data<std::int8_t>()[3] = 0;
  CHECK_THROWS_WITH_AS(import_cnv(file), "cnv: fc1.weight: expected -1 or +1, got 0",
                       std::runtime_error);

  file = random_file();
  file.tensors["conv3.threshold"].data()[1] = 0.25f;
  CHECK_THROWS_WITH_AS(import_cnv(file),
                       "cnv: conv3.threshold: expected a multiple of 0.5, got 0.25",
                       std::runtime_error);
}
