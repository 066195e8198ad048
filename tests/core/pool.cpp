#include "core/ops/pool.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "core/random.h"

using namespace quench;

namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

/// Small integers, so that windows hold equal values and sums are exact.
Tensor random_integers(Shape shape, std::uint64_t seed) {
  Tensor out(shape);
  Random random(seed, "test");
  for (float& value : out.span()) value = static_cast<float>(random.below(9)) - 6.0f;
  return out;
}

struct Case {
  Shape input;
  Window2d window;
};

const std::vector<Case> kCases{
    {{2, 3, 4, 6}, {{2, 2}, {2, 2}, {}}},   // tiling, even
    {{2, 17, 7, 5}, {{2, 2}, {2, 2}, {}}},  // tiling, odd: a row and a column in no window
    {{1, 70, 6, 6}, {{2, 2}, {2, 2}, {}}},  // more channels than one vector
    {{2, 16, 9, 9}, {{3, 3}, {2, 2}, {1, 1, 1, 1}}},
    {{2, 5, 8, 7}, {{3, 3}, {2, 2}, {0, 0, 1, 1}}},  // padding as TensorFlow's SAME puts it
    {{1, 4, 6, 9}, {{3, 2}, {1, 3}, {2, 0, 0, 1}}},
    {{1, 2, 5, 5}, {{1, 1}, {2, 2}, {}}},  // subsampling
    {{3, 40, 4, 4}, {{4, 4}, {1, 1}, {}}},
    {{1, 300, 4, 4}, {{2, 2}, {2, 2}, {}}},  // channels in more than one block
    {{1, 300, 5, 5}, {{3, 3}, {2, 2}, {1, 1, 1, 1}}},
    {{2, 3, 30, 30}, {{30, 30}, {1, 1}, {}}},  // more positions than a byte can count
    {{1, 20, 18, 19}, {{16, 17}, {2, 1}, {1, 0, 3, 2}}},
};

/// Forward and backward from the definition, in row-major order and double.
struct Reference {
  std::vector<double> max, average, max_grad, average_grad;

  Reference(const Tensor& x, const Tensor& g, const Window2d& w) {
    const std::vector<float> in = x.to_row_major(), grad = g.to_row_major();
    const std::int64_t height = x.dim(2), width = x.dim(3), oh = g.dim(2), ow = g.dim(3);
    max_grad.assign(in.size(), 0.0);
    average_grad.assign(in.size(), 0.0);
    for (std::int64_t plane = 0; plane < x.dim(0) * x.dim(1); ++plane) {
      for (std::int64_t o = 0; o < oh * ow; ++o) {
        std::vector<std::size_t> places;
        for (std::int64_t k = 0; k < std::int64_t{w.kernel[0]} * w.kernel[1]; ++k) {
          const std::int64_t y = o / ow * w.stride[0] - w.padding.top + k / w.kernel[1];
          const std::int64_t z = o % ow * w.stride[1] - w.padding.left + k % w.kernel[1];
          if (y < 0 || y >= height || z < 0 || z >= width) continue;
          places.push_back(static_cast<std::size_t>((plane * height + y) * width + z));
        }
        std::size_t winner = places.front();
        double sum = 0.0;
        for (const std::size_t place : places) {
          if (in[place] > in[winner]) winner = place;
          sum += in[place];
        }
        const double go = grad[static_cast<std::size_t>(plane * oh * ow + o)];
        max.push_back(in[winner]);
        average.push_back(sum / static_cast<double>(places.size()));
        max_grad[winner] += go;
        for (const std::size_t place : places)
          average_grad[place] += go / static_cast<double>(places.size());
      }
    }
  }
};

void check_close(const Tensor& actual, const std::vector<double>& expected) {
  const std::vector<float> values = actual.to_row_major();
  REQUIRE(values.size() == expected.size());
  double worst = 0.0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    worst = std::max(worst, std::abs(values[i] - expected[i]));
  }
  CHECK(worst < 3e-6);
}

}  // namespace

TEST_CASE("pooling: forward and backward agree with the definition, ties going to the first") {
  for (const Case& c : kCases) {
    CAPTURE(c.input.to_string());
    CAPTURE(c.window.kernel[0]);
    const Tensor x = random_integers(c.input, 1);
    const MaxPoolResult max = max_pool2d(x, c.window);
    const Tensor g = random_integers(max.output.shape(), 2);
    const Reference expected(x, g, c.window);
    check_close(max.output, expected.max);
    check_close(max_pool2d_backward(g, max.argmax, c.input, c.window), expected.max_grad);
    check_close(avg_pool2d(x, c.window), expected.average);
    check_close(avg_pool2d_backward(g, c.input, c.window), expected.average_grad);
  }
}

TEST_CASE("global_avg_pool2d: the mean over the image, [N, C]") {
  const Tensor x = random_integers({3, 21, 4, 5}, 3);
  const Tensor y = global_avg_pool2d(x);
  CHECK(y.shape() == Shape{3, 21});
  const std::vector<float> planes = x.to_row_major(), means = y.to_row_major();
  for (std::size_t plane = 0; plane < 63; ++plane) {
    double sum = 0.0;
    for (std::size_t i = 0; i < 20; ++i) sum += planes[plane * 20 + i];
    CHECK(means[plane] == doctest::Approx(sum / 20.0).epsilon(1e-6));
  }
  const Tensor grad = global_avg_pool2d_backward(Tensor::full({3, 21}, 5.0f), x.shape());
  for (const float value : grad.span()) CHECK(value == 0.25f);
}

TEST_CASE("max_pool2d: padding never wins, also over -infinity") {
  const float minus_infinity = -std::numeric_limits<float>::infinity();
  const Window2d window{{3, 3}, {2, 2}, {1, 1, 1, 1}};
  const Tensor x = Tensor::full({1, 2, 4, 4}, minus_infinity);
  const MaxPoolResult result = max_pool2d(x, window);
  for (const float value : result.output.span()) CHECK(value == minus_infinity);
  // The window at the top left begins with a padded row and column: its first real position is (1, 1).
  CHECK(int{result.argmax.data<std::uint8_t>()[0]} == 4);
}

TEST_CASE("pooling: a NaN anywhere in a window makes the output NaN and takes its gradient") {
  for (const Window2d& window :
       {Window2d{{2, 2}, {2, 2}, {}}, Window2d{{2, 2}, {2, 2}, {1, 1, 1, 1}}}) {
    for (std::int64_t place = 0; place < 4; ++place) {
      for (const std::int64_t channels : {1, 19, 64}) {  // scalar and vector code
        Tensor x = random_integers({1, channels, 2, 2}, 4);
        for (std::int64_t c = 0; c < channels; ++c) x.data()[place * channels + c] = kNan;
        const MaxPoolResult max = max_pool2d(x, window);
        const Tensor average = avg_pool2d(x, window);
        const Tensor grad = max_pool2d_backward(Tensor::full(max.output.shape(), 2.0f), max.argmax,
                                                x.shape(), window);
        // Unpadded there is one window; padded each place has its own.
        const std::int64_t output = window.padding.top == 0 ? 0 : place;
        for (std::int64_t c = 0; c < channels; ++c) {
          CHECK(std::isnan(max.output.data()[output * channels + c]));
          CHECK(std::isnan(average.data()[output * channels + c]));
          CHECK(grad.data()[place * channels + c] == 2.0f);
        }
      }
    }
  }
}

TEST_CASE("pooling: impossible shapes are errors that name the sizes") {
  const Tensor x = Tensor::zeros({2, 3, 4, 5});
  CHECK_THROWS_WITH_AS(max_pool2d(x, {{5, 3}, {1, 1}, {}}),
                       "pool2d: expected a padded image at least as large as the kernel 5x3, got "
                       "4x5 (input [2, 3, 4, 5])",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(avg_pool2d(x, {{2, 2}, {0, 1}, {}}),
                       "pool2d: expected kernel and stride of at least 1, got 2x2 and 0x1",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(
      max_pool2d(x, {{2, 2}, {1, 1}, {2, 0, 0, 0}}),
      "pool2d: expected padding >= 0 and smaller than the kernel 2x2, got top 2, left 0, "
      "bottom 0, right 0",
      std::invalid_argument);
  CHECK_THROWS_AS(max_pool2d(Tensor::zeros({4, 4}), {{2, 2}, {2, 2}, {}}), std::invalid_argument);
  CHECK_THROWS_AS(
      max_pool2d_backward(x, Tensor(x.shape(), DType::u8), x.shape(), {{2, 2}, {2, 2}, {}}),
      std::invalid_argument);
}
