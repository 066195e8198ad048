#include "datasets/synthetic.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <utility>

#include "core/parallel.h"
#include "core/random.h"
#include "datasets/dataset.h"
#include "support/error.h"

namespace quench::datasets {
namespace {

constexpr int kSyntheticSide = 32;
constexpr ImageShape kShape{.channels = 3, .height = kSyntheticSide, .width = kSyntheticSide};
constexpr std::int64_t kLargestSet = 1'000'000;

/// Position and size of a figure; lengths in pixels.
struct FigurePose {
  float size = 0.0f;       ///< a figure's circumradius, or a texture's cell
  float thickness = 0.0f;  ///< line width, relative to size
};

/// A class of the synthetic set, as a set of points in the plane.
struct Figure {
  const char* name;
  float min_degrees, max_degrees;  ///< range of rotations, in either direction
  float min_size, max_size;
  float max_offset;  ///< largest distance of its centre from the image's, along each axis
  /// Signed distance of (x, y) to the outline in pixels, negative inside; exact up to a factor that
  /// is harmless for antialiasing over one pixel.
  float (*distance)(float x, float y, const FigurePose& pose);
};

float disc(float x, float y, const FigurePose& pose) {
  return std::sqrt(x * x + y * y) - pose.size;
}

float ring(float x, float y, const FigurePose& pose) {
  const float half = 0.5f * pose.thickness * pose.size;
  return std::abs(std::sqrt(x * x + y * y) - (pose.size - half)) - half;
}

float rectangle(float x, float y, float half_width, float half_height) {
  return std::max(std::abs(x) - half_width, std::abs(y) - half_height);
}

float square(float x, float y, const FigurePose& pose) {
  const float half = 0.8f * pose.size;
  return rectangle(x, y, half, half);
}

float triangle(float x, float y, const FigurePose& pose) {
  constexpr float kSin60 = 0.8660254f;
  // Equilateral: three half-planes at half the circumradius from the centre.
  const float slanted = kSin60 * std::abs(x) - 0.5f * y;
  return std::max(slanted, y) - 0.5f * pose.size;
}

float cross(float x, float y, const FigurePose& pose) {
  const float half = 0.5f * pose.thickness * pose.size;
  return std::min(rectangle(x, y, pose.size, half), rectangle(x, y, half, pose.size));
}

/// A triangle wave with slope 1, negative in every second interval of length `cell`.
float wave(float x, float cell) {
  const float t = x / (2.0f * cell);
  return (std::abs(t - std::floor(t) - 0.5f) - 0.25f) * 2.0f * cell;
}

float stripes(float x, float, const FigurePose& pose) { return wave(x, pose.size); }

float checkerboard(float x, float y, const FigurePose& pose) {
  const float a = wave(x, pose.size);
  const float b = wave(y, pose.size);
  return std::copysign(std::min(std::abs(a), std::abs(b)), a * b);
}

float dots(float x, float y, const FigurePose& pose) {
  const float cell = 2.0f * pose.size;
  const float dx = x - cell * std::round(x / cell);
  const float dy = y - cell * std::round(y / cell);
  return std::sqrt(dx * dx + dy * dy) - 0.55f * pose.size;
}

/// The classes in label order.
const std::array<Figure, 10> kFigures{
    Figure{"disc", 0, 0, 9, 12, 3, disc},
    Figure{"ring", 0, 0, 10, 13, 3, ring},
    Figure{"square", 0, 12, 11, 14, 3, square},
    Figure{"triangle", 0, 12, 13, 16, 3, triangle},
    Figure{"cross", 0, 12, 11, 14, 3, cross},
    Figure{"horizontal_stripes", 80, 90, 3, 5, 10, stripes},
    Figure{"vertical_stripes", 0, 10, 3, 5, 10, stripes},
    Figure{"diagonal_stripes", 37, 53, 3, 5, 10, stripes},
    Figure{"checkerboard", 0, 12, 5, 8, 16, checkerboard},
    Figure{"dots", 0, 12, 3, 4, 8, dots},
};

using Color = std::array<float, 3>;  // 0 to 1

/// A small disc that belongs to no class.
struct Speck {
  float x = 0.0f, y = 0.0f, radius = 0.0f;
  Color color{};
};

/// Everything random about an image except its noise; lengths in pixels, the origin at the centre.
struct Scene {
  const Figure* figure = nullptr;
  FigurePose pose;
  float x = 0.0f, y = 0.0f;          // the figure's centre
  float cosine = 1.0f, sine = 0.0f;  // its rotation
  Color inside{}, outside{};
  std::array<Speck, 2> specks;
  float light_x = 0.0f, light_y = 0.0f;  // brightness gradient per pixel
  float noise = 0.0f;                    // standard deviation
};

Color draw_color(Random& random) { return {random.uniform(), random.uniform(), random.uniform()}; }

float distance(const Color& a, const Color& b) {
  return std::hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);
}

Scene draw_scene(const Figure& figure, Random& random) {
  constexpr float kLeastContrast = 0.6f;  // colour distance; the cube's diagonal is 1.73
  constexpr float kHalf = kSyntheticSide / 2.0f;
  Scene scene;
  scene.figure = &figure;
  scene.pose.size = random.uniform(figure.min_size, figure.max_size);
  scene.pose.thickness = random.uniform(0.3f, 0.5f);
  scene.x = random.uniform(-figure.max_offset, figure.max_offset);
  scene.y = random.uniform(-figure.max_offset, figure.max_offset);
  const float degrees = random.uniform(figure.min_degrees, figure.max_degrees);
  const float angle = degrees * std::numbers::pi_v<float> / 180.0f;
  scene.cosine = std::cos(angle);
  scene.sine = random.below(2) == 0 ? std::sin(angle) : -std::sin(angle);
  // Both come from one distribution, so brightness says nothing about the class.
  do {
    scene.inside = draw_color(random);
    scene.outside = draw_color(random);
  } while (distance(scene.inside, scene.outside) < kLeastContrast);
  for (Speck& speck : scene.specks) {
    speck = {.x = random.uniform(-kHalf, kHalf),
             .y = random.uniform(-kHalf, kHalf),
             .radius = random.uniform(0.5f, 2.0f),
             .color = draw_color(random)};
  }
  scene.light_x = random.uniform(-0.008f, 0.008f);
  scene.light_y = random.uniform(-0.008f, 0.008f);
  scene.noise = random.uniform(0.01f, 0.05f);
  return scene;
}

/// The share of a pixel that lies inside, given its centre's distance to the outline.
float coverage(float distance_to_outline) {
  return std::clamp(0.5f - distance_to_outline, 0.0f, 1.0f);
}

void blend(Color& color, const Color& over, float share) {
  for (std::size_t c = 0; c < color.size(); ++c) color[c] += share * (over[c] - color[c]);
}

Color color_at(const Scene& scene, float x, float y) {
  const float dx = x - scene.x;
  const float dy = y - scene.y;
  const float along = scene.cosine * dx + scene.sine * dy;
  const float across = scene.cosine * dy - scene.sine * dx;
  Color color = scene.outside;
  blend(color, scene.inside, coverage(scene.figure->distance(along, across, scene.pose)));
  for (const Speck& speck : scene.specks) {
    const float away = std::sqrt((x - speck.x) * (x - speck.x) + (y - speck.y) * (y - speck.y));
    blend(color, speck.color, coverage(away - speck.radius));
  }
  const float light = scene.light_x * x + scene.light_y * y;
  for (float& value : color) value += light;
  return color;
}

/// Noise with mean 0 and standard deviation 1 for a pixel's three channels. Each is a sum of two
/// bytes: close enough to a normal distribution, and it needs only one random block per pixel.
Color noise_at(const Random& random, int pixel) {
  constexpr float kDeviation = 104.5f;  // of the sum of two uniform bytes
  const std::array<std::uint32_t, 4> words = random.block(static_cast<std::uint64_t>(pixel));
  Color noise{};
  for (std::size_t c = 0; c < noise.size(); ++c) {
    const auto sum = static_cast<float>((words[c] & 0xffu) + (words[c] >> 24));
    noise[c] = (sum - 255.0f) / kDeviation;
  }
  return noise;
}

void draw_image(const Figure& figure, const Random& random, std::uint8_t* pixels) {
  Random scene_random = random.fork(0);
  const Random noise_random = random.fork(1);
  const Scene scene = draw_scene(figure, scene_random);
  constexpr float kMiddle = static_cast<float>(kSyntheticSide - 1) / 2.0f;
  for (int pixel = 0; pixel < kSyntheticSide * kSyntheticSide; ++pixel) {
    const int row = pixel / kSyntheticSide, column = pixel % kSyntheticSide;
    const auto x = static_cast<float>(column) - kMiddle;
    const auto y = static_cast<float>(row) - kMiddle;
    const Color color = color_at(scene, x, y);
    const Color noise = noise_at(noise_random, pixel);
    for (std::size_t c = 0; c < color.size(); ++c) {
      const float value = 255.0f * (color[c] + scene.noise * noise[c]);
      *pixels++ = static_cast<std::uint8_t>(std::clamp(value + 0.5f, 0.5f, 255.5f));  // rounds to
                                                                                      // nearest
    }
  }
}

std::shared_ptr<Dataset> draw_set(const Random& random, std::int64_t size) {
  ImageList images;
  images.shape = kShape;
  for (const Figure& figure : kFigures) images.class_names.emplace_back(figure.name);
  images.labels.resize(static_cast<std::size_t>(size));
  images.pixels.resize(images.labels.size() * kShape.bytes());
  constexpr std::int64_t kGrain = 64;  // about a millisecond
  parallel_for(size, kGrain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const auto at = static_cast<std::size_t>(i);
      const std::size_t label = at % kFigures.size();
      images.labels[at] = static_cast<std::uint8_t>(label);
      draw_image(kFigures[label], random.fork(at), images.pixels.data() + at * kShape.bytes());
    }
  });
  return memory_dataset(std::move(images));
}

}  // namespace

DatasetPair make_synthetic(std::uint64_t seed, std::int64_t train_size, std::int64_t test_size) {
  for (const std::int64_t size : {train_size, test_size}) {
    require(size >= 1 && size <= kLargestSet, "synthetic: expected 1 to {} images, got {}",
            kLargestSet, size);
  }
  const Random random(seed, "synthetic");
  return {.train = draw_set(random.fork(0), train_size),
          .test = draw_set(random.fork(1), test_size)};
}

// An offset up to one period covers every phase of a texture. The angles of the three stripe
// classes differ by at least 27 degrees, so they cannot be confused.
}  // namespace quench::datasets
