#include "bench/conv_kernels.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <functional>
#include <memory>

#include "bench/network.h"
#include "core/parallel.h"
#include "core/random.h"
#include "kernels/conv_variants.h"
#include "layers/conv2d.h"
#include "layers/graph.h"
#include "support/error.h"

namespace quench::bench {
namespace {

constexpr std::array kTypes{
    ConvType{"f32"},
    ConvType{"u8s8", 255, 127, 1.0},
    ConvType{"u8s4", 255, 7, 0.5},
    ConvType{"u4s4", 15, 7, 0.5},
    ConvType{"b1", 2, 1, 0.125},
};
constexpr std::int64_t kStrip = 48;       // output pixels
constexpr double kShortestSample = 1e-4;  // seconds; shorter runs are batched into one sample

/// Normal weights, scaled so that each output channel reaches the type's limit; signs for 1 bit.
std::vector<std::int16_t> random_weights(const ConvLayer& layer, const ConvType& type) {
  Random random(0, "weights");
  const kernels::ConvProblem& problem = layer.problem;
  const auto window = static_cast<std::size_t>(problem.channels / problem.params.groups *
                                               problem.kernel[0] * problem.kernel[1]);
  std::vector<std::int16_t> weights;
  std::vector<float> channel(window);
  for (std::int64_t o = 0; o < problem.out_channels; ++o) {
    float largest = 1e-6f;
    for (float& weight : channel) {
      weight = random.normal();
      largest = std::max(largest, std::abs(weight));
    }
    const float scale = static_cast<float>(type.weight_max) / largest;
    for (const float weight : channel) {
      const float code = type.weight_max == 1 ? std::copysign(1.0f, weight) : weight * scale;
      weights.push_back(static_cast<std::int16_t>(std::lrint(code)));
    }
  }
  return weights;
}

/// An integer convolution with its memory, run as in the engine.
class IntegerRun {
 public:
  IntegerRun(const ConvLayer& layer, const ConvType& type, kernels::Isa isa) : layer_(layer) {
    kernels::ConvProblem problem = layer.problem;
    problem.weight = random_weights(layer, type);
    problem.input_max = static_cast<std::uint8_t>(type.input_max);
    problem.binary_input = type.weight_max == 1;
    problem.zero_code = problem.binary_input ? 1 : 0;
    kernel_ = kernels::make_conv_kernel(problem, isa);
    reference_ = kernels::make_scalar_conv(problem);
    Random random(1, "codes");
    codes_.resize(static_cast<std::size_t>(layer.batch * image_size()));
    std::ranges::generate(codes_, [&] {
      const std::uint32_t code = problem.binary_input
                                     ? 2 * random.below(2)
                                     : random.below(static_cast<std::uint32_t>(type.input_max) + 1);
      return static_cast<std::uint8_t>(code);
    });
    workspace_.resize(std::max(kernel_->workspace_bytes(), reference_->workspace_bytes()));
    strips_.resize(static_cast<std::size_t>(num_threads()));
    for (std::vector<std::int32_t>& strip : strips_)
      strip.resize(static_cast<std::size_t>(kStrip * problem.out_channels));
  }

  std::string kernel() const { return std::string(kernel_->name()); }

  /// Each strip's sums overwrite the previous ones, as in the engine, which consumes them
  /// immediately.
  void operator()() {
    for (std::int64_t image = 0; image < layer_.batch; ++image) run(*kernel_, image, nullptr);
  }

  bool exact() {
    const auto all_sums = [this](const kernels::ConvKernel& kernel) {
      std::vector<std::int32_t> sums(
          static_cast<std::size_t>(layer_.batch * pixels() * layer_.problem.out_channels));
      for (std::int64_t image = 0; image < layer_.batch; ++image) run(kernel, image, &sums);
      return sums;
    };
    return all_sums(*kernel_) == all_sums(*reference_);
  }

 private:
  std::int64_t pixels() const { return layer_.problem.out_height() * layer_.problem.out_width(); }
  std::int64_t image_size() const {
    return layer_.problem.channels * layer_.problem.height * layer_.problem.width;
  }

  /// @param sums  null: the sums are discarded
  void run(const kernels::ConvKernel& kernel, std::int64_t image, std::vector<std::int32_t>* sums) {
    const std::uint8_t* codes = codes_.data() + image * image_size();
    const auto* input = reinterpret_cast<const std::byte*>(codes);
    if (kernel.workspace_bytes() > 0) {
      parallel_for(kernel.workspace_rows(), 1, [&](std::int64_t begin, std::int64_t end) {
        kernel.prepare(codes, begin, end, workspace_.data());
      });
      input = workspace_.data();
    }
    parallel_for(pixels(), 1, [&](std::int64_t begin, std::int64_t end) {
      const std::int64_t channels = layer_.problem.out_channels;
      std::vector<std::int32_t>& strip = strips_[static_cast<std::size_t>(omp_get_thread_num())];
      const std::int64_t strips = (end - begin + kStrip - 1) / kStrip;
      for (std::int64_t i = 0; i < strips; ++i) {  // strips of about equal size
        const std::int64_t first = begin + (end - begin) * i / strips;
        const std::int64_t count = begin + (end - begin) * (i + 1) / strips - first;
        std::int32_t* out =
            sums == nullptr ? strip.data() : sums->data() + (image * pixels() + first) * channels;
        kernel.accumulate(input, first, count, out);
      }
    });
  }

  const ConvLayer& layer_;
  std::unique_ptr<kernels::ConvKernel> kernel_, reference_;
  std::vector<std::uint8_t> codes_;
  std::vector<std::byte> workspace_;
  std::vector<std::vector<std::int32_t>> strips_;  // one per thread: the sums of its current strip
};

std::function<void()> float_run(const ConvLayer& layer) {
  const kernels::ConvProblem& p = layer.problem;
  Random random(0, "f32");
  const auto filled = [&](const Shape& shape) {
    Tensor tensor(shape);
    std::ranges::generate(tensor.span(), [&] { return random.uniform(-1.0f, 1.0f); });
    return tensor;
  };
  const Tensor input = filled({layer.batch, p.channels, p.height, p.width});
  const Tensor weight =
      filled({p.out_channels, p.channels / p.params.groups, p.kernel[0], p.kernel[1]});
  const auto convolution = std::make_shared<PreparedConv2d>(p.params);
  return [=] { convolution->forward(input, weight); };
}

double bytes_of(const ConvLayer& layer, const ConvType& type) {
  const kernels::ConvProblem& p = layer.problem;
  const auto count = [](std::int64_t elements) { return static_cast<double>(elements); };
  const double code_bytes = type.input_max == 0 ? 4.0 : 1.0;
  return count(layer.batch * p.channels * p.height * p.width) * code_bytes +
         count(p.out_channels * p.channels / p.params.groups * p.kernel[0] * p.kernel[1]) *
             type.weight_bytes +
         count(layer.batch * p.out_height() * p.out_width() * p.out_channels) * 4.0;
}

std::string name_of(const kernels::ConvProblem& problem) {
  std::string name =
      fmt::format("{}x{}x{} -> {} {}x{}", problem.channels, problem.height, problem.width,
                  problem.out_channels, problem.kernel[0], problem.kernel[1]);
  if (problem.params.stride[0] > 1) name += fmt::format(" /{}", problem.params.stride[0]);
  if (problem.params.groups == problem.channels && problem.channels > 1) return name + " depthwise";
  if (problem.params.groups > 1) name += fmt::format(", {} groups", problem.params.groups);
  return name;
}

ConvLayer make_layer(const Shape& image, std::int64_t out_channels, std::array<int, 2> kernel,
                     const Conv2dParams& params) {
  ConvLayer layer{.name = {},
                  .batch = image[0],
                  .problem = {.channels = image[1],
                              .height = image[2],
                              .width = image[3],
                              .out_channels = out_channels,
                              .kernel = kernel,
                              .params = params}};
  layer.name = name_of(layer.problem);
  if (layer.batch > 1) layer.name = fmt::format("{} x {}", layer.batch, layer.name);
  return layer;
}

NetworkCase network_case(const std::string& network) {
  if (network == "binarynet") return {.model = "binarynet", .image_size = 32};
  if (network == "mobilenet_v1") return {.model = "mobilenet_v1", .image_size = 224};
  if (network == "resnet50") return {.model = "resnet50", .image_size = 224};
  require(false,
          "bench conv: expected shapes binarynet, mobilenet_v1, resnet50 or N,C,H,W,O,K,S,G, got "
          "'{}'",
          network);
  return {};
}

}  // namespace

ConvType conv_type(const std::string& name) {
  const auto* type = std::ranges::find(kTypes, name, &ConvType::name);
  require(type != kTypes.end(), "bench conv: expected types f32, u8s8, u8s4, u4s4 or b1, got '{}'",
          name);
  return *type;
}

std::vector<ConvTiming> time_layer(const ConvLayer& layer, const std::vector<ConvType>& types,
                                   kernels::Isa isa, double seconds) {
  struct Case {
    ConvTiming timing;
    std::function<void()> run;
    std::shared_ptr<IntegerRun> integer;  // null: f32
    int at_once = 1;
    std::vector<double> times;
  };
  std::vector<Case> cases;
  for (const ConvType& type : types) {
    Case c{.timing = {.type = type, .kernel = "oneDNN", .bytes = bytes_of(layer, type)}};
    if (type.input_max == 0) {
      c.run = float_run(layer);
    } else {
      c.integer = std::make_shared<IntegerRun>(layer, type, isa);
      c.timing.kernel = c.integer->kernel();
      c.run = [run = c.integer] { (*run)(); };
    }
    c.run();  // prepares the weights and warms caches
    c.at_once = static_cast<int>(kShortestSample / std::max(seconds_of(c.run), 1e-9)) + 1;
    cases.push_back(std::move(c));
  }
  constexpr std::size_t kFewestRuns = 5;
  for (double total = 0.0; total < seconds * static_cast<double>(cases.size()) ||
                           cases[0].times.size() < kFewestRuns;) {
    for (Case& c : cases) {
      const double sample = seconds_of([&] {
        for (int i = 0; i < c.at_once; ++i) c.run();
      });
      total += sample;
      c.times.push_back(sample / c.at_once);
    }
  }
  std::vector<ConvTiming> timings;
  for (Case& c : cases) {
    c.timing.runs = static_cast<int>(c.times.size()) * c.at_once;
    c.timing.min_seconds = *std::ranges::min_element(c.times);
    c.timing.median_seconds = median(std::move(c.times));
    c.timing.exact = c.integer == nullptr || c.integer->exact();
    timings.push_back(std::move(c.timing));
  }
  return timings;
}

bool ConvLayer::depthwise() const {
  return problem.params.groups > 1 && problem.params.groups == problem.channels;
}

double ConvLayer::macs() const {
  const std::int64_t group_channels = problem.channels / problem.params.groups;
  return static_cast<double>(batch * problem.out_height() * problem.out_width() *
                             problem.out_channels * problem.kernel[0] * problem.kernel[1] *
                             group_channels);
}

std::vector<ConvLayer> network_layers(const std::string& network) {
  const NetworkCase described = network_case(network);
  const auto model = make_network(described);
  const layers::models::ModelInput input = input_of(described);
  const layers::Graph graph(*model);
  const std::vector<Shape> shapes =
      layers::value_shapes(graph, {1, input.channels, input.height, input.width});
  std::vector<ConvLayer> layers;
  for (const layers::Graph::Node& node : graph.nodes()) {
    auto* const* convolution = std::get_if<layers::Conv2d*>(&node.layer);
    if (convolution == nullptr) continue;
    const layers::Conv2dOptions& options = (*convolution)->options();
    ConvLayer layer = make_layer(shapes[node.inputs[0]], options.out_channels, options.kernel_size,
                                 options.params);
    const auto known = std::ranges::find(layers, layer.name, &ConvLayer::name);
    if (known != layers.end()) {
      ++known->count;
    } else {
      layers.push_back(std::move(layer));
    }
  }
  return layers;
}

ConvLayer parse_layer(const std::string& shape) {
  std::array<int, 8> v{};
  int end = 0;
  const int read = std::sscanf(shape.c_str(), "%d,%d,%d,%d,%d,%d,%d,%d%n", &v[0], &v[1], &v[2],
                               &v[3], &v[4], &v[5], &v[6], &v[7], &end);
  require(read == 8 && static_cast<std::size_t>(end) == shape.size() &&
              std::ranges::all_of(v, [](int size) { return size >= 1; }),
          "bench conv: expected a shape N,C,H,W,O,K,S,G of integers >= 1, got '{}'", shape);
  const auto [batch, channels, height, width, out_channels, kernel, stride, groups] = v;
  const int border = kernel / 2;
  const Conv2dParams params{
      .stride = {stride, stride}, .padding = {border, border, border, border}, .groups = groups};
  const Shape image{batch, channels, height, width};
  require(channels % groups == 0, "bench conv: expected channels divisible by groups, got '{}'",
          shape);
  conv2d_output_shape(image, {out_channels, channels / groups, kernel, kernel}, params);
  return make_layer(image, out_channels, {kernel, kernel}, params);
}

}  // namespace quench::bench
